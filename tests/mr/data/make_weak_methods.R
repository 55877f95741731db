# R's results on the sample for methods that allow for weak variants, beside those of make_sample.R:
#   Rscript make_weak_methods.R      (in this folder, which has the sample; R 4.2)
# From the papers' formulas, written out with optim, optimHess, integrate and uniroot.
rows <- list()
keep <- function(name, estimate, se, tolerance, exposure = "exposure", also = NULL) {
  put <- function(q, v) for (k in seq_along(v)) rows[[length(rows) + 1]] <<-
    data.frame(name = name, exposure = exposure[k], quantity = q, value = sprintf("%.17g", v[k]),
               tolerance = tolerance)
  put("estimate", estimate); put("se", se)
  for (q in names(also)) put(q, also[[q]])
}
one <- read.csv("one_exposure.csv")
x <- one$beta_exposure; sx <- one$se_exposure; y <- one$beta_outcome; sy <- one$se_outcome
m <- length(x)

# grip with the adjusted slope: moments freed of errors, variance of a sum of independent terms
w <- 1 / sy^2; S <- sum(w); A <- sum(w * (x^2 - sx^2))
denominator <- S * sum(w * (x^4 - 6 * x^2 * sx^2 + 3 * sx^4)) - A^2
pull <- S * w * (x^2 - 3 * sx^2) - w * A
fit <- lm(I(x * y) ~ I(x^2), weights = 1 / (x^2 * sy^2))
v <- mean((y - fitted(fit) / x)^2) * x^2
keep("grip(adjusted=true)", sum(pull * x * y) / denominator, sqrt(sum(pull^2 * v)) / denominator, 1e-8)

# raps with a spike-and-slab prior of true z statistics
z <- x / sx
minus <- function(p) { s <- exp(p[2:3]); a <- 0.01 + 0.98 * plogis(p[1])
  -sum(log(a * dnorm(z, 0, sqrt(1 + s[1]^2)) + (1 - a) * dnorm(z, 0, sqrt(1 + s[2]^2)))) }
best <- NULL
for (a in c(-3, 0, 3)) for (s1 in c(-2, 1)) for (s2 in c(1, 3)) {
  f <- optim(c(a, s1, s2), minus, control = list(maxit = 20000, reltol = 1e-15))
  f <- optim(f$par, minus, control = list(maxit = 20000, reltol = 1e-15))
  if (is.null(best) || f$value < best$value) best <- f }
share <- c(0.01 + 0.98 * plogis(best$par[1]), 0.99 - 0.98 * plogis(best$par[1])); sd2 <- exp(2 * best$par[2:3])
shrink <- function(at, s2) { d <- sapply(1:2, function(k) share[k] * dnorm(at, 0, sqrt(sd2[k] + s2)))
  mu <- sapply(1:2, function(k) at * sd2[k] / (sd2[k] + s2)); rowSums(d * mu) / rowSums(d) }
k <- 1.345; psi <- function(t) pmax(-k, pmin(k, t))
moment <- function(f) 2 * integrate(function(t) f(t) * dnorm(t), 0, k, rel.tol = 1e-12)$value +
  2 * integrate(function(t) f(t) * dnorm(t), k, 40, rel.tol = 1e-12)$value
delta <- moment(function(t) t * psi(t)); c1 <- moment(function(t) psi(t)^2)
c2 <- moment(function(t) (t * psi(t))^2) - delta^2; c3 <- 2 * integrate(function(t) t^2 * dnorm(t), 0, k, rel.tol = 1e-12)$value
part <- function(b, tau2) { v <- sy^2 + tau2 + b^2 * sx^2; g <- (x * (sy^2 + tau2) + b * y * sx^2) / v
  s2 <- (sy^2 + tau2) / v; list(v = v, t = (y - b * x) / sqrt(v), g = shrink(g / sx, s2) * sx, mle = g, s2 = s2) }
extra <- function(b) { f <- function(u) { p <- part(b, u); sum((p$t * psi(p$t) - delta) / p$v) }
  if (f(0) <= 0) 0 else uniroot(f, c(0, 10), tol = 1e-16)$root }
score <- function(b) { p <- part(b, extra(b)); sum(p$g * psi(p$t) / sqrt(p$v)) }
b <- uniroot(score, c(0.1, 0.8), tol = 1e-14)$root; tau2 <- extra(b); p <- part(b, tau2); h <- 1e-5
slope <- (shrink(p$mle / sx + h, p$s2) - shrink(p$mle / sx - h, p$s2)) / (2 * h)
by <- sum(slope * y * sx^2 / p$v * psi(p$t) / sqrt(p$v)) - delta * sum(p$g * x / p$v)
across <- -sum(slope * b * y * sx^2 / (p$v * (sy^2 + tau2)) * psi(p$t) / sqrt(p$v))
of_extra <- c2 * sum(p$v^-2) / (0.5 * (delta + c3) * sum(p$v^-2))^2
keep("raps(shrinkage=true,moments=exact)", b, sqrt((c1 * sum(p$g^2 / p$v) + across^2 * of_extra) / by^2), 1e-4)

# pivw with Fieller's set, by draws
set.seed(7); B <- 40000
moments <- function(x, y, tau2) { g <- x^2 - sx^2; mu1 <- sum(w * x * y); mu2 <- sum(w * g)
  v1 <- sum(w^2 * (x^2 * y^2 - (y^2 - sy^2 - tau2) * g)); v2 <- sum(w^2 * (4 * g * sx^2 + 2 * sx^4))
  v12 <- sum(2 * w^2 * x * y * sx^2); star <- mu2 / 2 + sign(mu2) * sqrt(mu2^2 / 4 + v2)
  o <- star / (2 * star - mu2); c(mu1 + v12 / v2 * (star - mu2), star, v1, o * v12, o^2 * v2) }
statistic <- function(q, b) (q[1] - b * q[2])^2 / (q[3] - 2 * b * q[4] + b^2 * q[5])
q <- moments(x, y, 0); b <- q[1] / q[2]
tau2 <- max(0, sum(w * ((y - b * x)^2 - sy^2 - b^2 * sx^2)) / sum(w)); q <- moments(x, y, tau2)
drawn <- replicate(B, statistic(moments(rnorm(m, x, sx), rnorm(m, b * x, sqrt(sy^2 + tau2)), tau2), b))
bound <- quantile(drawn[drawn >= 0], 0.95)
end <- function(side) uniroot(function(t) statistic(q, t) - bound, sort(c(b, b + side)), tol = 1e-12)$root
se <- sqrt(sum(w^2 * (x^2 * (sy^2 + tau2) + b^2 * sx^2 * (x^2 + sx^2)))) / q[2]
keep("pivw(interval=fieller,draws=20000)", b, se, 1e-8)
for (side in c("conf_low", "conf_high")) rows[[length(rows) + 1]] <- data.frame(
  name = "pivw(interval=fieller,draws=20000)", exposure = "exposure", quantity = side,
  value = sprintf("%.17g", end(if (side == "conf_low") -1 else 1)), tolerance = 0.05)

# mv_mvivwme: maximum likelihood with errors in all effects, and its sandwich
three <- read.csv("three_exposures.csv"); name <- c("a", "b", "c")
X <- as.matrix(three[paste0("beta_", name)]); S <- as.matrix(three[paste0("se_", name)])
y <- three$beta_outcome; sy <- three$se_outcome; m <- nrow(X)
residual <- function(t) (y - X %*% t) / sqrt(sy^2 + S^2 %*% t^2)
half <- function(t) 0.5 * sum(residual(t)^2)
t <- coef(lm(y ~ 0 + X, weights = 1 / sy^2))
for (i in 1:5) t <- optim(t, half, method = "BFGS", control = list(reltol = 1e-16, ndeps = rep(1e-6, 3)))$par
h <- 1e-5; D <- sapply(1:3, function(k) { e <- h * (1:3 == k); (residual(t + e) - residual(t - e)) / (2 * h) })
H <- optimHess(t, half, control = list(ndeps = rep(1e-4, 3)))
V <- solve(H) %*% crossprod(D) %*% solve(H)
sigma <- sqrt(sum((y - X %*% t)^2 / sy^2) / (m - 3))
keep("mv_mvivwme", t, sqrt(diag(V)) * max(1, sigma), 1e-5, name)

write.csv(do.call(rbind, rows), "expected_weak_methods.csv", row.names = FALSE, quote = 1:4)
