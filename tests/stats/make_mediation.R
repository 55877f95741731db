# Numbers of tests/stats/mediation.json: mediation by R's lm, glm and coxph, expectations by integrate().
# Rscript tests/stats/make_mediation.R   (R 4.2.2, survival 3.5)
suppressMessages({library(survival); library(jsonlite)})
d <- read.csv("tests/stats/mediation_people.csv")
tight <- glm.control(epsilon = 1e-14, maxit = 100)
slope <- function(f, p) {  # derivatives by central differences
  sapply(seq_along(p), function(i) { h <- 1e-5 * max(1, abs(p[i])); q <- p; q[i] <- p[i] + h; a <- f(q); q[i] <- p[i] - h; (a - f(q)) / (2 * h) })
}
out <- list()

# --- two lines; the mediator's model has covariates of its own
fm <- lm(mediator ~ age + sex + factor(batch) + exposure, d); fy <- lm(y ~ age + sex + exposure + mediator, d)
ft <- lm(y ~ age + sex + exposure, d)
a <- coef(summary(fm))["exposure", ]; b <- coef(summary(fy))["mediator", ]; cp <- coef(summary(fy))["exposure", ]
tot <- coef(summary(ft))["exposure", ]
out$lines <- list(total = tot[[1]], direct = cp[[1]], indirect = a[[1]] * b[[1]], se_indirect = sqrt(a[[1]]^2 * b[[2]]^2 + b[[1]]^2 * a[[2]]^2),
  se_direct = cp[[2]], se_total = tot[[2]], a = as.list(unname(a)), b = as.list(unname(b)))

# --- four components, two lines, delta method, covariates at their means
fm <- lm(mediator ~ age + sex + exposure, d); fy <- lm(y ~ age + sex + exposure * mediator, d)
m0 <- 0.25; mid <- c(1, mean(d$age), mean(d$sex))
four <- function(p) {
  be <- p[1:4]; th <- p[5:10]  # (1, age, sex, exposure); (1, age, sex, exposure, mediator, product)
  b0 <- sum(be[1:3] * mid); cde <- th[4] + th[6] * m0; ref <- th[6] * (b0 - m0); med <- th[6] * be[4]; pie <- th[5] * be[4]
  c(cde, ref, med, pie, cde + ref, med + pie, cde + ref + med + pie)
}
p <- c(coef(fm), coef(fy)); V <- matrix(0, 10, 10); V[1:4, 1:4] <- vcov(fm); V[5:10, 5:10] <- vcov(fy)
J <- slope(four, p)
out$four_way <- list(names = c("cde", "int_ref", "int_med", "pie", "nde", "nie", "te"), estimate = four(p), se = sqrt(diag(J %*% V %*% t(J))), at = m0)
th <- coef(fy); b0 <- sum(coef(fm)[1:3] * mid); be <- coef(fm)[4]
out$interaction <- list(direct = unname(th["exposure"] + th["exposure:mediator"] * (b0 + be / 2)), indirect = unname((th["mediator"] + th["exposure:mediator"] / 2) * be))

# --- binary outcomes: means by adaptive quadrature
means <- function(fm, fy, link, m0) {
  s <- summary(fm)$sigma; F <- if (link == "logit") plogis else pnorm
  nu <- predict(fm, transform(d, exposure = 0)); be <- coef(fm)["exposure"]; th <- coef(fy)
  eta <- th["(Intercept)"] + th["age"] * d$age + th["sex"] * d$sex
  g <- function(a, aa) mean(sapply(seq_len(nrow(d)), function(i) integrate(function(z)
    F(eta[i] + th["exposure"] * a + (th["mediator"] + th["exposure:mediator"] * a) * (nu[i] + be * aa + s * z)) * dnorm(z), -9, 9, rel.tol = 1e-11, subdivisions = 500)$value))
  held <- function(a) mean(F(eta + th["exposure"] * a + (th["mediator"] + th["exposure:mediator"] * a) * m0))
  c(g(1, 1), g(1, 0), g(0, 1), g(0, 0), held(1), held(0))
}
for (link in c("logit", "probit")) {
  fy <- glm(case ~ age + sex + exposure * mediator, binomial(link), d, control = tight)
  g <- means(fm, fy, link, m0)
  out[[link]] <- list(total = g[1] - g[4], direct = (g[2] - g[4] + g[1] - g[3]) / 2, indirect = (g[1] - g[2] + g[3] - g[4]) / 2,
    cde = g[5] - g[6], nde = g[2] - g[4], nie = g[1] - g[2], pie = g[3] - g[4], at = m0,
    coefficients = unname(coef(fy)), se = unname(sqrt(diag(vcov(fy)))))
}

# --- a mediator of two levels, by a logistic model
fb <- glm(marker ~ age + sex + exposure, binomial, d, control = tight)
q <- function(aa) predict(fb, transform(d, exposure = aa), type = "response")
fl <- lm(y ~ age + sex + exposure + marker, d); fc <- glm(case ~ age + sex + exposure + marker, binomial, d, control = tight)
level <- function(fit, a, aa) mean((1 - q(aa)) * predict(fit, transform(d, exposure = a, marker = 0), type = "response") + q(aa) * predict(fit, transform(d, exposure = a, marker = 1), type = "response"))
both <- function(fit) { g <- c(level(fit, 1, 1), level(fit, 1, 0), level(fit, 0, 1), level(fit, 0, 0))
  list(total = g[1] - g[4], direct = (g[2] - g[4] + g[1] - g[3]) / 2, indirect = (g[1] - g[2] + g[3] - g[4]) / 2) }
out$marker <- list(linear = both(fl), logit = both(fc), a = unname(coef(fb)["exposure"]))

# --- hazards: percentage with left truncation and heavy ties; errors by the joint dfbetas
ctl <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60)
c1 <- coxph(Surv(entry, time, event) ~ age + sex + exposure, d, control = ctl)
c2 <- coxph(Surv(entry, time, event) ~ age + sex + exposure + mediator, d, control = ctl)
h <- c(coef(c1)["exposure"], coef(c2)["exposure"]); D <- cbind(residuals(c1, "dfbeta")[, 3], residuals(c2, "dfbeta")[, 3])
perm <- function(h) c(100 * (exp(h[1]) - exp(h[2])) / (exp(h[1]) - 1), 100 * (h[1] - h[2]) / h[1])
J <- slope(perm, unname(h))
out$perm <- list(estimate = perm(unname(h)), se = sqrt(diag(J %*% crossprod(D) %*% t(J))), total = h[[1]], direct = h[[2]], se_total = sqrt(vcov(c1)[3, 3]),
  se_direct = sqrt(vcov(c2)[3, 3]), b = coef(c2)[["mediator"]], se_b = sqrt(vcov(c2)[4, 4]))

# --- natural effects on log hazards by weighting
s <- summary(fm)$sigma; mu <- function(e) predict(fm, transform(d, exposure = e))
dd <- rbind(transform(d, star = exposure, w = 1), transform(d, star = 1 - exposure, w = dnorm(mediator, mu(1 - exposure), s) / dnorm(mediator, mu(exposure), s)))
cw <- coxph(Surv(entry, time, event) ~ age + sex + exposure + star + cluster(id), dd, weights = w, control = ctl)
out$weighting <- list(direct = coef(cw)[["exposure"]], indirect = coef(cw)[["star"]], se_direct = sqrt(vcov(cw)[3, 3]), se_indirect = sqrt(vcov(cw)[4, 4]))
write_json(out, "tests/stats/mediation.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
