# R's numbers of the outlier and mixture estimators on the sample of make_sample.R:
#   Rscript make_outlier_methods.R          (in this folder; R 4.2, no packages)
# lm where a method is a regression, else the papers' formulas written out: mixtures by optim for
# each slope, derivatives by deriv3 and finite differences, sets of variants one by one.
rows <- list()
keep <- function(name, estimate, se = NA, tolerance = 1e-8, exposure = "exposure") {
  put <- function(q, v) if (all(is.finite(v))) for (k in seq_along(v)) rows[[length(rows) + 1]] <<-
    data.frame(name = name, exposure = exposure[k], quantity = q,
               value = sprintf("%.17g", v[k]), tolerance = tolerance)
  put("estimate", estimate); put("se", se)
}
d <- read.csv("one_exposure.csv")
x <- d$beta_exposure; sx <- d$se_exposure; y <- d$beta_outcome; sy <- d$se_outcome
m <- length(x); w <- 1 / sy^2

# MR-PRESSO: regressions without each variant; an outlier by the normal law of its residual.
without <- sapply(seq_len(m), function(j) coef(lm(y[-j] ~ 0 + x[-j], weights = w[-j])))
p <- m * 2 * pnorm(-abs(y - without * x) / sqrt(sy^2 + without^2 * sx^2))
stopifnot(sum(w * (y - without * x)^2) > 3 * m)  # far beyond what the global test needs
fit <- summary(lm(y ~ 0 + x, weights = w, subset = p > 0.05))$coefficients
keep("presso", fit[1, 1], fit[1, 2])

# Heterogeneity-penalised: every set of two or more of the first 12 variants.
few <- 1:12; r <- (y / x)[few]; s <- abs(sy / x)[few]
sets <- lapply(seq_len(2^12 - 1), function(k) which(bitwAnd(k, 2^(0:11)) > 0))
sets <- sets[lengths(sets) > 1]
parts <- t(sapply(sets, function(i) {
  mean <- sum(r[i] / s[i]^2) / sum(1 / s[i]^2); q <- sum((r[i] - mean)^2 / s[i]^2)
  c(mean, sqrt(max(1, q / (length(i) - 1)) / sum(1 / s[i]^2)),
    length(i) * log(0.5) + (12 - length(i)) * log(0.5) - sum(log(s[i])) - q / 2) }))
grid <- seq(-1, 1, by = 0.001)
like <- sapply(grid, function(t) { l <- parts[, 3] + dnorm(t, parts[, 1], parts[, 2], log = TRUE)
  max(l) + log(sum(exp(l - max(l)))) })
keep("hetpen", grid[which.max(like)], tolerance = 1e-9)

# MRMix: for each slope the likeliest share and variance within their bounds.
grid <- seq(-1, 1, by = 0.01)
bound <- function(t) { low <- 1.1 * (median(sy)^2 + t^2 * median(sx)^2); c(low, max(low, 0.01)) }
logit <- function(a) 1 / (1 + exp(-a))
fit_at <- function(t) { e <- y - t * x; v <- sy^2 + t^2 * sx^2; b <- bound(t)
  share <- 0.6; wide <- b[1]
  for (step in 1:5000) { a <- share * dnorm(e, 0, sqrt(v)); o <- (1 - share) * dnorm(e, 0, sqrt(wide))
    z <- a / (a + o); share <- mean(z); wide <- min(max(sum((1 - z) * e^2) / sum(1 - z), b[1]), b[2]) }
  c(share, wide) }
fits <- sapply(grid, fit_at); best <- which.max(fits[1, ])
density <- expression(log(pi0 * exp(-(yy - th * xx)^2 / (2 * (ssy^2 + th^2 * ssx^2))) /
  sqrt(ssy^2 + th^2 * ssx^2) + (1 - pi0) * exp(-(yy - th * xx)^2 / (2 * s2)) / sqrt(s2)))[[1]]
once <- function(e, by) Reduce(function(f, v) D(f, v), by, e)
each <- function(...) { by <- c(...); eval(once(density, by), list(pi0 = fits[1, best],
  s2 = fits[2, best], th = grid[best], xx = x, yy = y, ssx = sx, ssy = sy)) }
total <- function(...) sum(each(...))
turn <- function(a) total("s2", "s2", a) * total("pi0", "th") + total("s2", "s2") *
  total("pi0", "th", a) - total("pi0", "s2", a) * total("s2", "th") - total("pi0", "s2") *
  total("s2", "th", a)
H <- matrix(c(total("pi0", "pi0"), total("pi0", "s2"), total("pi0", "s2"), total("s2", "s2")), 2)
moves <- -solve(H, c(total("pi0", "th"), total("s2", "th")))[2]
weight <- solve(H, c(turn("pi0"), turn("s2")))
moved <- function(a) each("s2", "s2", a) * total("pi0", "th") + total("s2", "s2") *
  each("pi0", "th", a) - each("pi0", "s2", a) * total("s2", "th") - total("pi0", "s2") *
  each("s2", "th", a) - weight[1] * each("pi0", a) - weight[2] * each("s2", a)
keep("mrmix", grid[best], sqrt(sum((moved("yy") * sy)^2 + (moved("xx") * sx)^2)) /
  abs(turn("th") + turn("s2") * moves), 1e-6)

# Rerandomised: the effect given that x/sx plus noise passes the threshold, by integration.
lambda <- qnorm(1 - 5e-8 / 2); eta <- 0.5; z <- x / sx
up <- (-z + lambda) / eta; down <- (-z - lambda) / eta
chance <- 1 - pnorm(up) + pnorm(down); shift <- (dnorm(up) - dnorm(down)) / chance
bend <- (up * dnorm(up) - down * dnorm(down)) / chance
effect <- x - sx / eta * shift; spread <- sx^2 * (1 - bend / eta^2 + shift^2 / eta^2)
strong <- sum(chance * w * (effect^2 - spread)); b <- sum(chance * w * y * effect) / strong
keep("rivw", b, sqrt(sum((chance * w * (y * effect - b * (effect^2 - spread)))^2)) / strong)

for (rho in c(0, 0.3)) {
  whole <- sum(w * (x^2 - sx^2)); b <- sum(w * (x * y - rho * sx * sy)) / whole
  keep(if (rho) "ivw_overlap(psi=0.3)" else "ivw_overlap", b,
       sqrt(sum((w * (x * (y - b * x) - rho * sx * sy + b * sx^2))^2)) / whole) }

# Several exposures.
d <- read.csv("three_exposures.csv"); e <- c("a", "b", "c")
X <- as.matrix(d[paste0("beta_", e)]); S <- as.matrix(d[paste0("se_", e)])
y <- d$beta_outcome; sy <- d$se_outcome; w <- 1 / sy^2; m <- nrow(X)
without <- t(sapply(seq_len(m), function(j) coef(lm(y[-j] ~ 0 + X[-j, ], weights = w[-j]))))
away <- y - rowSums(without * X)
p <- m * 2 * pnorm(-abs(away) / sqrt(sy^2 + rowSums(without^2 * S^2)))
stopifnot(sum(w * away^2) > 3 * m, sum(p <= 0.05) > 0)
fit <- summary(lm(y ~ 0 + X, weights = w, subset = p > 0.05))$coefficients
keep("mv_presso", fit[, 1], fit[, 2], exposure = e)

write.csv(do.call(rbind, rows), "expected_outlier_methods.csv", row.names = FALSE, quote = c(1, 2, 3))
