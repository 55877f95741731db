# What R says of the people that tests/association/formula_people.py makes by the same formulas:
# penalised fits, likelihood ratio and score tests, coefficients, splines and additive interaction.
# Rscript make_tests.R > tests.json (R 4.2, sandwich, brglm2, splines, jsonlite)
suppressMessages({library(sandwich); library(brglm2); library(splines); library(jsonlite)})
options(digits = 17)

draw <- function(n, k) { x <- sin((1:n) * 12.9898 + k * 78.233) * 43758.5453; x - floor(x) }
z <- function(n, k) qnorm(draw(n, k))

make_people <- function(n) {
  d <- data.frame(age = 56 + 8 * z(n, 1), sex = as.numeric(draw(n, 2) < 0.5),
                  site = factor(floor(4 * draw(n, 3))), bmi = 27 + 4 * z(n, 4))
  d$P1 <- z(n, 11) + 0.2 * d$sex
  d$P2 <- z(n, 12)
  d$P3 <- as.numeric(draw(n, 13) < 0.4)
  d$iso <- as.numeric(draw(n, 5) < plogis(-1.6 + 0.3 * d$P1 + 0.02 * (d$age - 56) + 0.2 * d$sex))
  d$lo <- as.numeric(draw(n, 6) < plogis(-1 + 0.5 * d$iso - 0.3 * d$P2))
  d$y <- as.numeric(draw(n, 7) < plogis(-2 + 0.4 * d$iso + 0.5 * d$lo + 0.5 * d$iso * d$lo +
    0.25 * d$P1 + 0.4 * d$P3 * (1 + d$lo) + 0.02 * (d$age - 56)))
  d$rare <- as.numeric(draw(n, 8) < 20 / n * exp(0.8 * d$P1))
  d$level <- 0.3 * d$P1 + 0.2 * d$P1^2 + 0.02 * d$age + z(n, 9)
  d$P1[draw(n, 21) < 0.1] <- NA
  d$P2[draw(n, 22) < 0.2] <- NA
  d
}

penalised <- function(X, y, b) {
  eta <- drop(X %*% b); mu <- plogis(eta); w <- mu * (1 - mu)
  I <- crossprod(X, X * w)
  h <- w * rowSums((X %*% solve(I)) * X)
  list(value = sum(y * eta - ifelse(eta > 0, eta + log1p(exp(-eta)), log1p(exp(eta)))) +
         as.numeric(determinant(I)$modulus) / 2,
       score = drop(crossprod(X, y - mu + h * (0.5 - mu))), I = I)
}
climb <- function(X, y, b, free) {
  at <- penalised(X, y, b)
  for (i in 1:300) {
    step <- rep(0, ncol(X)); step[free] <- solve(at$I[free, free], at$score[free])
    size <- 1
    repeat {
      new <- penalised(X, y, b + size * step)
      if (new$value >= at$value - 1e-12 * abs(at$value) || size < 1e-6) break
      size <- size / 2
    }
    b <- b + size * step; at <- new
    if (sum(step[free] * at$score[free]) < 1e-20 && max(abs(step)) < 1e-10) break
  }
  c(list(b = b), at)
}
firth <- function(f, d) {
  X <- model.matrix(f, d); y <- model.response(model.frame(f, d)); k <- ncol(X)
  top <- climb(X, y, rep(0, k), 1:k)
  se <- sqrt(diag(solve(top$I)))[k]
  hold <- function(v) { b <- top$b; b[k] <- v; climb(X, y, b, 1:(k - 1))$value }
  lr <- 2 * (top$value - hold(0))
  side <- function(s) uniroot(function(v) 2 * (top$value - hold(v)) - qchisq(0.95, 1),
    sort(c(top$b[k] + s * se, top$b[k] + s * 4 * se)), extendInt = "yes", tol = 1e-10)$root
  bias <- coef(glm(f, binomial, d, method = "brglmFit", type = "AS_mean",
                   control = list(epsilon = 1e-11, maxit = 500)))[k]
  list(estimate = unname(top$b[k]), se = unname(se), low = side(-1), high = side(1), lr = lr,
       p = pchisq(lr, 1, lower.tail = FALSE), brglm2 = unname(bias))
}
table_of <- function(m, V = vcov(m)) {
  b <- coef(m); list(name = names(b), estimate = unname(b), se = unname(sqrt(diag(V))))
}
additive <- function(m, a, b, ab) {
  at <- c(a, b, ab); B <- coef(m)[at]; V <- vcov(m)[at, at]; r <- exp(c(B[1], B[2], sum(B)))
  reri <- r[3] - r[1] - r[2] + 1; ap <- reri / r[3]; s <- log(r[3] - 1) - log(r[1] + r[2] - 2)
  g1 <- c(r[3] - r[1], r[3] - r[2], r[3])
  g2 <- c((g1 * r[3] - reri * r[3]) / r[3]^2)
  g3 <- r[3] / (r[3] - 1) - c(r[1], r[2], 0) / (r[1] + r[2] - 2)
  e <- function(g) sqrt(drop(t(g) %*% V %*% g))
  list(estimate = unname(c(reri, ap, exp(s))), se = unname(c(e(g1), e(g2), e(g3))))
}

out <- list()
for (n in c(400, 4500)) {
  d <- make_people(n)
  one <- list()
  for (p in c("P1", "P2", "P3")) {
    for (y in c("y", "rare")) {
      f <- reformulate(c("age", "sex", "site", p), y)
      one[["firth"]][[paste(y, p)]] <- firth(f, d)
    }
    here <- d[!is.na(d[[p]]), ]
    f0 <- y ~ age + sex + site; f1 <- reformulate(c("age", "sex", "site", p), "y")
    control <- glm.control(epsilon = 1e-14, maxit = 100)
    m0 <- glm(f0, binomial, here, control = control); m1 <- glm(f1, binomial, here, control = control)
    t1 <- anova(m0, m1, test = "LRT"); t2 <- anova(m0, m1, test = "Rao")
    one[["tests"]][[p]] <- list(lr = t1$Deviance[2], lr_p = t1$`Pr(>Chi)`[2], score = t2$Rao[2],
                                score_p = t2$`Pr(>Chi)`[2])
    one[["glm"]][[p]] <- table_of(m1)
    one[["glm_hc3"]][[p]] <- table_of(m1, vcovHC(m1, "HC3"))
    l1 <- lm(reformulate(c("iso", "age", "sex", "site"), p), here)
    l0 <- lm(reformulate(c("age", "sex", "site"), p), here)
    one[["lm"]][[p]] <- table_of(l1)
    one[["lm_hc3"]][[p]] <- table_of(l1, vcovHC(l1, "HC3"))
    one[["lm_tests"]][[p]] <- list(lr = 2 * as.numeric(logLik(l1) - logLik(l0)),
      score = nrow(here) * (1 - deviance(l1) / deviance(l0)))
    gp <- glm(reformulate(c("age", "sex", "site", paste0(p, "*lo")), "y"), binomial, here,
              control = control)
    one[["glm_product"]][[p]] <- table_of(gp)
    one[["additive"]][[p]] <- additive(gp, p, "lo", intersect(paste0(c(p, "lo"), ":",
      c("lo", p)), names(coef(gp))))
    if (p != "P3") {
      for (k in c(3, 4)) {
        s <- glm(reformulate(c("age", "sex", "site", paste0("ns(", p, ", ", k, ")")), "y"),
                 binomial, here, control = control)
        a <- anova(m1, s, test = "LRT"); b <- anova(m0, s, test = "LRT")
        u <- lm(reformulate(c("sex", "site", paste0("ns(bmi, ", k, ")")), p), here)
        v <- anova(lm(reformulate(c("sex", "site", "bmi"), p), here), u)
        w <- anova(lm(reformulate(c("sex", "site"), p), here), u)
        one[["spline"]][[paste(p, k)]] <- list(nonlinear = a$Deviance[2], nonlinear_p =
          a$`Pr(>Chi)`[2], spline = b$Deviance[2], spline_p = b$`Pr(>Chi)`[2], lm_nonlinear =
          v$F[2], lm_nonlinear_p = v$`Pr(>F)`[2], lm_spline = w$F[2], lm_spline_p = w$`Pr(>F)`[2])
        x <- lm(reformulate(c("age", "sex", "site", paste0("ns(", p, ", ", k, ")")), "level"), here)
        q <- anova(lm(reformulate(c("age", "sex", "site", p), "level"), here), x)
        one[["spline"]][[paste(p, k)]]$outcome_nonlinear <- q$F[2]
      }
    }
  }
  out[[as.character(n)]] <- one
}
cat(toJSON(out, digits = I(15), auto_unbox = TRUE))
