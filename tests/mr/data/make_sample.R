# Makes the sample of the tests of Mendelian randomisation, and R's results on it:
#   Rscript make_sample.R          (in this folder; R 4.2, packages MASS, robustbase, quantreg)
# Effects are drawn with a seed and rounded to six digits, so that the files hold them exactly.
# Results come from R's own functions where they exist (lm, lmrob, rq, density, binom.test), else
# from the papers' formulas written out with optimise, optim, uniroot and integrate.
suppressMessages({library(robustbase); library(quantreg)})
set.seed(20250301)
rows <- list()
keep <- function(name, estimate, se = NA, tolerance = 1e-8, exposure = "exposure") {
  put <- function(q, v) if (all(is.finite(v))) for (k in seq_along(v)) rows[[length(rows) + 1]] <<-
    data.frame(name = name, exposure = exposure[k], quantity = q,
               value = sprintf("%.17g", v[k]), tolerance = tolerance)
  put("estimate", estimate); put("se", se)
}

# ---- one exposure -------------------------------------------------------------------------------
m <- 24
truth <- runif(m, 0.05, 0.25) * sample(c(-1, 1), m, TRUE)
sx <- round(runif(m, 0.006, 0.015), 6); sy <- round(runif(m, 0.010, 0.030), 6)
direct <- rep(0, m); direct[c(3, 9, 14, 20)] <- c(0.16, 0.11, -0.14, 0.19)
x <- round(rnorm(m, truth, sx), 6); y <- round(rnorm(m, 0.4 * truth + direct, sy), 6)
write.csv(data.frame(variant_id = paste0("rs", seq_len(m)), beta_exposure = x, se_exposure = sx,
                     beta_outcome = y, se_outcome = sy), "one_exposure.csv", row.names = FALSE,
          quote = FALSE)
n <- 40000
w <- 1 / sy^2; r <- y / x
line <- function(fit, k = 1) summary(fit)$coefficients[k, 1:2]
floor_one <- function(fit, k = 1) { s <- summary(fit); s$coefficients[k, 2] / min(1, s$sigma) }

keep("wald", r[1], sy[1] / abs(x[1]))
ivw <- lm(y ~ 0 + x, weights = w)
keep("ivw", coef(ivw), floor_one(ivw))
keep("ivw_fe", coef(ivw), line(ivw)[2] / summary(ivw)$sigma)
keep("ivw_mre", coef(ivw), line(ivw)[2])
mm <- lmrob(y ~ 0 + x, weights = w, k.max = 5000, maxit.scale = 5000, max.it = 5000,
            rel.tol = 1e-12, scale.tol = 1e-14, refine.tol = 1e-12)
keep("ivw(robust=true)", coef(mm), summary(mm)$coefficients[1, 2] / min(1, mm$scale), 1e-5)
ax <- abs(x); ay <- sign(x) * y
egger <- lm(ay ~ ax, weights = w)
keep("egger", coef(egger)[2], floor_one(egger, 2))
B <- 40000
draws <- function(v, s) matrix(rnorm(B * m, rep(v, each = B), rep(s, each = B)), B)
X <- draws(x, sx); Y <- draws(y, sy)
slope <- sapply(seq_len(B), function(b) {
  s <- ifelse(X[b, ] < 0, -1, 1); u <- w * abs(X[b, ]); cov(u, w * s * Y[b, ]) / var(u) })
keep("egger_bootstrap(draws=4000)", mean(slope), sd(slope), 0.08)
wmedian <- function(b, weight) {
  o <- order(b); b <- b[o]; weight <- weight[o] / sum(weight)
  s <- cumsum(weight) - weight / 2; k <- max(which(s < 0.5))
  b[k] + (b[k + 1] - b[k]) * (0.5 - s[k]) / (s[k + 1] - s[k]) }
spread <- function(weight) sd(sapply(seq_len(B), function(b) wmedian(Y[b, ] / X[b, ], weight)))
v <- sy^2 / x^2 + y^2 * sx^2 / x^4
keep("simple_median", wmedian(r, rep(1, m)))
keep("simple_median(draws=4000)", wmedian(r, rep(1, m)), spread(rep(1, m)), 0.08)
keep("weighted_median", wmedian(r, 1 / v))
keep("weighted_median(draws=4000)", wmedian(r, 1 / v), spread(1 / v), 0.08)
pen <- pmin(1, 20 * pchisq((r - wmedian(r, 1 / v))^2 / v, 1, lower.tail = FALSE)) / v
keep("penalised_weighted_median", wmedian(r, pen))
keep("penalised_weighted_median(draws=4000)", wmedian(r, pen), spread(pen), 0.08)

mode_of <- function(b, weight) {
  h <- max(1e-8, 0.9 * min(sd(b), mad(b)) / length(b)^(1 / 5))
  d <- suppressWarnings(density(b, weights = weight / sum(weight), bw = h)); d$x[d$y == max(d$y)][1] }
modes <- function(b, s) { p <- 1 / s^2
  centre <- mode_of(b, p); low <- pmin(1, 20 * pchisq((b - centre)^2 * p, 1, lower.tail = FALSE))
  c(mode_of(b, rep(1, m)), centre, mode_of(b, p * low)) }
at <- modes(r, sqrt(v)); nome <- modes(r, sy / abs(x))
names_of <- c("simple_mode", "weighted_mode", "penalised_mode")
D <- sapply(1:4000, function(b) modes(rnorm(m, r, sqrt(v)), sqrt(v)))
N <- sapply(1:4000, function(b) modes(rnorm(m, r, sy / abs(x)), sy / abs(x)))
for (k in 1:3) {
  keep(names_of[k], at[k])
  keep(sprintf("%s(draws=4000)", names_of[k]), at[k], mad(D[k, ]), 0.12)
  if (k < 3) {
    keep(paste0(names_of[k], "_nome"), nome[k])
    keep(sprintf("%s_nome(draws=4000)", names_of[k]), nome[k], mad(N[k, ]), 0.12) }
}
agree <- sum(sign(x) == sign(y))
keep("sign", (agree / m - 0.5) * 2)
uwr <- lm(y ~ 0 + x); keep("uwr", coef(uwr), line(uwr)[2])

q_of <- function(t, use = seq_len(m)) sum((y[use] - t * x[use])^2 / (sy[use]^2 + t^2 * sx[use]^2))
slope_of <- function(t, use = seq_len(m)) { # derivative of Q, for a root that optimise cannot resolve
  e <- y[use] - t * x[use]; u <- sy[use]^2 + t^2 * sx[use]^2
  sum(-2 * x[use] * e / u - 2 * t * sx[use]^2 * e^2 / u^2) }
least <- function(i = seq_len(m)) {
  grid <- seq(-5, 5, by = 0.001); t0 <- grid[which.min(sapply(grid, q_of, use = i))]
  t <- uniroot(slope_of, t0 + c(-0.002, 0.002), use = i, tol = 1e-15)$root
  h <- 1e-5; c(t, sqrt(2 / ((slope_of(t + h, i) - slope_of(t - h, i)) / (2 * h)))) }
ml <- least(); keep("maxlik", ml[1], ml[2], 1e-7)

psi <- function(t) pmax(-1.345, pmin(1.345, t))
E <- function(f) integrate(function(t) f(t) * dnorm(t), -Inf, Inf)$value
delta <- E(function(t) t * psi(t)); c1 <- E(function(t) psi(t)^2)
c2 <- E(function(t) (t * psi(t))^2) - delta^2; c3 <- E(function(t) t^2 * (abs(t) <= 1.345))
tau_of <- function(b) { f <- function(tau) { u <- sy^2 + tau + b^2 * sx^2; t <- (y - b * x) / sqrt(u)
    sum((t * psi(t) - delta) / u) }
  if (f(0) <= 0) 0 else uniroot(f, c(0, 10), tol = 1e-18)$root }
score <- function(b) { s <- sy^2 + tau_of(b); u <- s + b^2 * sx^2
  sum((x * s + b * y * sx^2) * psi((y - b * x) / sqrt(u)) / u^1.5) }
b <- uniroot(score, c(0.2, 0.7), tol = 1e-15)$root; tau <- tau_of(b); s <- sy^2 + tau
u <- s + b^2 * sx^2; t <- (y - b * x) / sqrt(u); g <- (x * s + b * y * sx^2) / u
pull <- psi(t) * sx^2 * y / u^1.5; by_b <- sum(pull) - delta * sum(g * x / u)
v_tau <- c2 * sum(u^-2) / (0.5 * (delta + c3) * sum(u^-2))^2
keep("raps", b, sqrt((c1 * sum(g^2 / u) + (b * sum(pull / s))^2 * v_tau) / by_b^2), 1e-5)

grip <- lm(I(x * y) ~ I(x^2), weights = 1 / (x^2 * sy^2)); keep("grip", coef(grip)[2], line(grip, 2)[2])
first <- sum(x * y * w) / sum(x^2 * w); rw <- sqrt(x^2 / (sy^2 + first^2 * sx^2))
radial <- lm(I(r * rw) ~ 0 + rw); keep("ivw_radial", coef(radial), line(radial)[2])
r0 <- sqrt(x^2 / sy^2); t0 <- coef(lm(I(r * r0) ~ r0))[2]; rw <- sqrt(x^2 / (sy^2 + t0^2 * sx^2))
radial <- lm(I(r * rw) ~ rw); keep("egger_radial", coef(radial)[2], line(radial, 2)[2])
debias <- function(name, b, den) {
  tau <- max(0, sum(w * ((y - b * x)^2 - sy^2 - b^2 * sx^2)) / sum(w))
  keep(name, b, sqrt(sum(w^2 * (x^2 * (sy^2 + tau) + b^2 * sx^2 * (x^2 + sx^2)))) / abs(den)) }
mu2 <- sum(w * (x^2 - sx^2)); debias("divw", sum(w * x * y) / mu2, mu2)
v2 <- sum(w^2 * (4 * (x^2 - sx^2) * sx^2 + 2 * sx^4)); v12 <- sum(2 * w^2 * x * y * sx^2)
star <- mu2 / 2 + sign(mu2) * sqrt(mu2^2 / 4 + v2)
debias("pivw", (sum(w * x * y) + v12 / v2 * (star - mu2)) / star, star)

rse <- abs(sy / x); grid <- seq(min((y - 2 * sy) / x), max((y + 2 * sy) / x), by = 0.01)
psi_r <- 1.5 * sd(r)
like <- sapply(grid, function(t) sum(pmax(dnorm(r, t, rse, log = TRUE),
                                          dnorm(r, 0, sqrt(psi_r^2 + rse^2), log = TRUE))))
keep("conmix", grid[which.max(like)])

# The lasso by coordinate descent, on columns of unit standard deviation, at glmnet's penalties.
lasso_path <- function(Z, z) {
  k <- nrow(Z); d <- apply(Z, 2, function(c) sqrt(mean((c - mean(c))^2))); Z <- t(t(Z) / d)
  G <- crossprod(Z) / k; g <- crossprod(Z, z) / k; top <- max(abs(g)); b <- rep(0, ncol(Z))
  path <- top * 1e-4^((0:99) / 99); out <- NULL; unit <- sum(z^2) / (sum(z^2) - k * mean(z)^2)
  gone <- 0
  for (l in seq_along(path)) {
    repeat { old <- b
      for (j in seq_along(b)) { p <- g[j] - sum(G[, j] * b) + G[j, j] * b[j]
        b[j] <- sign(p) * max(abs(p) - path[l], 0) / G[j, j] }
      if (max(abs(b - old)) < 1e-14 * max(1, abs(b))) break }
    out <- rbind(out, b / d); had <- gone; gone <- (1 - sum((z - Z %*% b)^2) / sum(z^2)) * unit
    if (l >= 5 && (gone - had < 1e-5 * gone || gone > 0.999)) break }
  list(penalty = path[seq_len(nrow(out))], b = out) }
choose <- function(path, sigma_of, more) { # the rule of heterogeneity, from the smallest penalty up
  b <- path$b[nrow(path$b):1, ]; valid <- b == 0; count <- rowSums(valid)
  sigma <- apply(valid, 1, function(i) if (sum(i) > more) sigma_of(i) else NA)
  stop <- which(sigma[-1] > 1 & diff(sigma) > qchisq(0.95, 1) / count[-1])
  valid[max(if (length(stop)) stop[1] else nrow(b), which(count > more)[1]), ] }
zx <- ax / sy; zy <- ay / sy; P <- diag(m) - outer(zx, zx) / sum(zx^2)
ok <- choose(lasso_path(P / sy[col(P)], as.vector(P %*% zy)),
             function(i) summary(lm(zy[i] ~ 0 + zx[i]))$sigma, 1)
fit <- lm(zy[ok] ~ 0 + zx[ok]); keep("lasso", coef(fit), floor_one(fit))

grid <- seq(-5, 5, by = 0.002)
parts <- sapply(grid, function(t) cumsum(sort((y - t * x)^2 / (sy^2 + t^2 * sx^2))))
each <- sapply(0:(m - 2), function(K) { t <- grid[which.min(parts[m - K, ])]
  repeat { i <- order((y - t * x)^2 / (sy^2 + t^2 * sx^2))[seq_len(m - K)]
    h <- 0.004; while (slope_of(t - h, i) * slope_of(t + h, i) > 0) h <- h / 2
    new <- uniroot(slope_of, t + c(-h, h), use = i, tol = 1e-15)$root
    if (setequal(i, order((y - new * x)^2 / (sy^2 + new^2 * sx^2))[seq_len(m - K)])) break
    t <- new }
  h <- 1e-5; c(new, sqrt(2 / ((slope_of(new + h, i) - slope_of(new - h, i)) / (2 * h))),
               q_of(new, i) + K * log(n)) })
best <- which.min(each[3, ])
keep("cml(search=global,average=false,sample_size=40000)", each[1, best], each[2, best], 1e-7)
weight <- exp(-0.5 * (each[3, ] - min(each[3, ]))); weight <- weight / sum(weight)
mean_b <- sum(weight * each[1, ])
keep("cml(search=global,sample_size=40000)", mean_b, sum(weight * sqrt(each[2, ]^2 + (each[1, ] - mean_b)^2)), 1e-6)

# By turns from zero, a variant left out being judged by a mean that moves towards its own effect.
each <- sapply(0:(m - 2), function(K) { t <- 0; u <- free <- rep(0, m)
  for (turn in 1:100) { e <- y - t * u; free <- rep(0, m)
    out <- order(-e^2 / sy^2)[seq_len(K)]; free[out] <- e[out]
    u <- (x / sx^2 + t * (y - free) / sy^2) / (1 / sx^2 + t^2 / sy^2)
    new <- sum((y - free) * u / sy^2) / sum(u^2 / sy^2); move <- abs(new - t); t <- new
    if (move <= 1e-7) break }
  i <- free == 0; info <- sum((u^2 / sy^2 - (2 * t * u - y)^2 / sy^4 / (1 / sx^2 + t^2 / sy^2))[i])
  c(t, info^-0.5, sum(((x - u)^2 / sx^2 + (y - t * u)^2 / sy^2)[i]) + K * log(n)) })
best <- which.min(each[3, ])
keep("cml(average=false,sample_size=40000)", each[1, best], each[2, best], 1e-9)
weight <- exp(-0.5 * (each[3, ] - min(each[3, ]))); weight <- weight / sum(weight)
mean_b <- sum(weight * each[1, ])
keep("cml(sample_size=40000)", mean_b, sum(weight * sqrt(each[2, ]^2 + (each[1, ] - mean_b)^2)), 1e-9)

# ---- three exposures ----------------------------------------------------------------------------
m <- 30; e <- 3; name <- c("a", "b", "c")
T3 <- matrix(rnorm(m * e, 0, 0.12), m)
S <- matrix(round(runif(m * e, 0.006, 0.015), 6), m); sy <- round(runif(m, 0.010, 0.020), 6)
direct <- rep(0, m); direct[c(5, 17)] <- c(0.15, -0.2)
X <- matrix(round(rnorm(m * e, T3, S), 6), m)
y <- round(rnorm(m, T3 %*% c(0.4, -0.2, 0.1) + direct, sy), 6); w <- 1 / sy^2
frame <- data.frame(variant_id = paste0("rs", seq_len(m)), X, S, y, sy)
names(frame) <- c("variant_id", paste0("beta_", name), paste0("se_", name), "beta_outcome", "se_outcome")
write.csv(frame, "three_exposures.csv", row.names = FALSE, quote = FALSE)
put <- function(id, fit, k = 1:e, floored = TRUE, tolerance = 1e-8) { s <- summary(fit)
  se <- s$coefficients[k, 2]; if (floored) se <- se / min(1, s$sigma)
  keep(id, coef(fit)[k], se, tolerance, name) }
put("mv_ivw", lm(y ~ 0 + X, weights = w), floored = FALSE)
s1 <- ifelse(X[, 1] < 0, -1, 1); OX <- X * s1; oy <- y * s1
put("mv_egger", lm(oy ~ OX, weights = w), 1 + 1:e)
put("mv_ivw(robust=true)", { f <- lmrob(y ~ 0 + X, weights = w, rel.tol = 1e-12, refine.tol = 1e-12,
  scale.tol = 1e-14, k.max = 5000, maxit.scale = 5000, max.it = 5000); f }, floored = FALSE,
  tolerance = 1e-5)
median_of <- function(X, y) suppressWarnings(coef(rq(y ~ X - 1, weights = w)))
keep("mv_median", median_of(X, y), NA, 1e-8, name)
D <- replicate(4000, median_of(matrix(rnorm(m * e, X, S), m), rnorm(m, y, sy)))
keep("mv_median(draws=4000)", median_of(X, y), apply(D, 1, sd), 0.08, name)
ZX <- OX / sy; zy <- oy / sy; Q <- qr.Q(qr(ZX)); P <- diag(m) - tcrossprod(Q)
ok <- choose(lasso_path(P / sy[col(P)], as.vector(P %*% zy)),
             function(i) summary(lm(zy[i] ~ 0 + ZX[i, ]))$sigma, e)
put("mv_lasso", lm(zy[ok] ~ 0 + ZX[ok, ]))
two <- function(k) { left <- residuals(lm(y ~ 0 + X[, -k])); summary(lm(left ~ 0 + X[, k]))$coefficients[1:2] }
keep("mv_residual", sapply(1:e, two)[1, ], sapply(1:e, two)[2, ], 1e-8, name)

polish <- function(f, t) { # optim, then Newton by numerical derivatives of high order
  t <- optim(t, f, method = "BFGS", control = list(reltol = 1e-16, maxit = 10000))$par
  h <- 1e-4; I <- diag(e)
  grad <- function(t) sapply(1:e, function(k) (8 * (f(t + h * I[k, ]) - f(t - h * I[k, ])) -
                              (f(t + 2 * h * I[k, ]) - f(t - 2 * h * I[k, ]))) / (12 * h))
  hess <- function(t) sapply(1:e, function(k) (grad(t + h * I[k, ]) - grad(t - h * I[k, ])) / (2 * h))
  for (turn in 1:5) t <- t - solve(hess(t), grad(t))
  list(t = t, H = hess(t)) }
dist <- function(t, i = seq_len(m)) (y[i] - X[i, , drop = FALSE] %*% t)^2 / (sy[i]^2 + S[i, , drop = FALSE]^2 %*% t^2)
start <- coef(lm(y ~ 0 + X, weights = w)); best <- NULL
for (K in 0:ceiling(m / 2)) { t <- start
  repeat { i <- order(dist(t))[seq_len(m - K)]; p <- polish(function(t) sum(dist(t, i)), t)
    same <- setequal(i, order(dist(p$t))[seq_len(m - K)]); t <- p$t; if (same) break }
  bic <- sum(dist(t, i)) + K * log(n)
  if (is.null(best) || bic < best$bic) best <- list(bic = bic, t = t, se = sqrt(diag(solve(p$H / 2)))) }
keep("mv_cml(sample_size=40000,perturbations=0)", best$t, best$se, 1e-5, name)

A <- n * cbind(S, sy)^2 + cbind(X, y)^2; U <- cbind(X, y) / sqrt(A); shared <- crossprod(U)
C <- diag(4) - shared; C[4, 1:3] <- 0; C[1:3, 4] <- 0; scale <- sqrt(A) / sqrt(n - m + 1)
omega <- function(t) { u <- c(-t, 1); M <- t(t(scale) * u); rowSums((M %*% C) * M) }
f0 <- function(t) sum((y - X %*% t)^2 / omega(t)); p <- polish(f0, start)
se <- sqrt(diag(solve(crossprod(X / sqrt(omega(p$t))))))
keep("mv_gmm(robust=false)", p$t, se, 1e-5, name)
e2 <- as.vector(y - X %*% p$t)^2; o <- omega(p$t)
kappa <- if (sum(e2 / o) > m - e) uniroot(function(k) sum(e2 / (o + k)) - (m - e), c(0, 1), tol = 1e-18)$root else 0
p <- polish(function(t) sum((y - X %*% t)^2 / (omega(t) + kappa)), p$t)
keep("mv_gmm", p$t, sqrt(diag(solve(crossprod(X / sqrt(omega(p$t) + kappa))))), 1e-5, name)


# ---- one exposure, its variants in linkage disequilibrium ---------------------------------------
one <- read.csv("one_exposure.csv"); m <- nrow(one); n <- 40000
x <- one$beta_exposure; sx <- one$se_exposure; y <- one$beta_outcome; sy <- one$se_outcome
rho <- outer(1:m, 1:m, function(j, k) ifelse((j - 1) %/% 4 == (k - 1) %/% 4, 0.2^abs(j - k), 0)) *
  outer(rep(c(1, -1, 1), length.out = m), rep(c(1, -1, 1), length.out = m))
diag(rho) <- 1
write.csv(setNames(as.data.frame(rho), one$variant_id), "correlations.csv", row.names = FALSE, quote = FALSE)
O <- outer(sy, sy) * rho; Oi <- solve(O)
v <- 1 / drop(t(x) %*% Oi %*% x); b <- v * drop(t(x) %*% Oi %*% y)
s <- sqrt(drop(t(y - b * x) %*% Oi %*% (y - b * x)) / (m - 1))
keep("ivw_correlated", b, sqrt(v) * max(1, s))
keep("ivw_correlated(model=fixed)", b, sqrt(v))
g <- sign(x); X <- cbind(1, abs(x)); Og <- solve(O * outer(g, g)); V <- solve(t(X) %*% Og %*% X)
b <- drop(V %*% t(X) %*% Og %*% (g * y)); e <- g * y - X %*% b
keep("egger_correlated", b[2], sqrt(V[2, 2]) * max(1, sqrt(drop(t(e) %*% Og %*% e) / (m - 2))))
Cx <- outer(sx, sx) * rho
Q <- function(t) drop(t(y - t * x) %*% solve(O + t^2 * Cx) %*% (y - t * x))
newton <- function(Q, low, high) { # optimise, then Newton by numerical derivatives of high order
  t <- optimise(Q, c(low, high), tol = 1e-9)$minimum; h <- 1e-3
  d1 <- function(t) (8 * (Q(t + h) - Q(t - h)) - (Q(t + 2 * h) - Q(t - 2 * h))) / (12 * h)
  d2 <- function(t) (8 * (d1(t + h) - d1(t - h)) - (d1(t + 2 * h) - d1(t - 2 * h))) / (12 * h)
  for (turn in 1:8) t <- t - d1(t) / d2(t)
  list(t = t, h = d2(t)) }
p <- newton(Q, -1, 2)
keep("maxlik_correlated", p$t, sqrt(2 / p$h), 1e-6)

joint <- function(b, s, L) { # one regression on combinations, from single ones
  a <- 1 / (n * s^2 + b^2); A <- t(L) %*% (outer(sqrt(a), sqrt(a)) * rho) %*% L
  B <- drop(t(L) %*% (a * b)); G <- solve(A, B)
  list(b = G, S = solve(A) * (1 - sum(B * G)) / (n - length(B) + 1)) }
phi <- outer(x / sy, x / sy) * rho; pc <- prcomp(phi, scale. = FALSE)
r <- which(cumsum(pc$sdev^2) / sum(pc$sdev^2) > 0.99)[1]; L <- g * pc$rotation[, 1:r]
gx <- joint(x, sx, L); gy <- joint(y, sy, L)
W <- function(t, k) gy$S + t^2 * gx$S + k * diag(r)
q <- function(t, k) drop(t(gy$b - t * gx$b) %*% solve(W(t, k)) %*% (gy$b - t * gx$b))
p <- newton(function(t) q(t, 0), -1, 2)
wald <- function(t, k) 1 / sqrt(drop(t(gx$b) %*% solve(W(t, k)) %*% gx$b))
keep("pcgmm(robust=false)", p$t, wald(p$t, 0), 1e-6)
k <- if (q(p$t, 0) > r - 1) uniroot(function(k) q(p$t, k) - (r - 1), c(0, 10), tol = 1e-18)$root else 0
p <- newton(function(t) q(t, k), -1, 2)
keep("pcgmm", p$t, wald(p$t, k), 1e-5)

z <- abs(x / sx); use <- which(2 * pnorm(-z) <= 5e-8); R <- rho[use, use]; k <- length(use)
stopifnot(all(R[upper.tri(R)]^2 < 0.05))
R[upper.tri(R)][p.adjust(pchisq(n * R[upper.tri(R)]^2, 1, lower.tail = FALSE), "BH") >= 0.05] <- 0
R[lower.tri(R)] <- t(R)[lower.tri(R)]
f <- (y / x)[use]; u <- (sy / x)[use]; w <- (y / x * sx / x)[use]; V <- R * (outer(u, u) + outer(w, w))
middle <- which(f >= quantile(f, 0.4) & f <= quantile(f, 0.6)); top <- middle[which.max(z[use][middle])]
d <- (f - f[top])^2 / (diag(V) + V[top, top] - 2 * V[, top]); d[top] <- 0
i <- which(pchisq(d, 1, lower.tail = FALSE) >= 0.01)
for (how in c("v1", "off")) {
  if (how == "off") i <- seq_len(k)
  Vi <- solve(V[i, i] + 1e-6 * diag(length(i))); s <- 1 / sqrt(sum(Vi))
  keep(sprintf("gsmr(heidi=%s,ld_people=40000)", how), s^2 * sum(Vi %*% f[i]), s) }

J <- diag(m); gx <- joint(x, sx, J); gy <- joint(y, sy, J)
root <- function(S) { e <- eigen(S, symmetric = TRUE); e$vectors %*% (t(e$vectors) / sqrt(e$values)) }
Xi <- solve(gx$S); Yi <- solve(gy$S)
p_clr <- function(t) {
  S <- root(gy$S + t^2 * gx$S) %*% (gy$b - t * gx$b)
  T <- root(Xi + t^2 * Yi) %*% (Xi %*% gx$b + t * Yi %*% gy$b)
  a <- sum(S^2); b <- sum(S * T); q <- sum(T^2); l <- (a - q + sqrt((a - q)^2 + 4 * b^2)) / 2
  2 * exp(lgamma(m / 2) - lgamma((m - 1) / 2)) / sqrt(pi) * integrate(function(u)
    pchisq((q + l) / (1 + q * sin(u)^2 / l), m, lower.tail = FALSE) * cos(u)^(m - 2), 0, pi / 2,
    rel.tol = 1e-11, subdivisions = 2000)$value }
centre <- optimise(p_clr, c(0, 0.6), maximum = TRUE)$maximum
for (end in list(c("conf_low", -1), c("conf_high", 1))) rows[[length(rows) + 1]] <- data.frame(
  name = "clr", exposure = "exposure", quantity = end[1], tolerance = 1e-6, value = sprintf("%.17g",
    uniroot(function(t) p_clr(t) - 0.05, sort(c(centre, centre + 0.2 * as.numeric(end[2]))), tol = 1e-12)$root))

write.csv(do.call(rbind, rows), "expected.csv", row.names = FALSE, quote = 1:4)
