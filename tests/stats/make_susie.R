# Makes susie.json: sums of single effects by susieR 0.12.35 (Debian's r-cran-susier) on three small
# simulated loci, with the statistics and correlations that they are of.
# Rscript make_susie.R > susie.json
suppressMessages({library(susieR); library(jsonlite)})
stopifnot(packageVersion("susieR") == "0.12.35")
set.seed(11)

# Haplotypes as a chain: each site copies the one before, but for recombinations; p sites.
haplotypes <- function(count, p, switch) {
  h <- matrix(0, count, p)
  f <- runif(p, 0.1, 0.5)
  u <- runif(count)
  for (j in 1:p) {
    new <- runif(count) < switch
    u[new] <- runif(sum(new))
    h[, j] <- u < f[j]
  }
  h
}
locus <- function(n, p, causal, effects, switch = 0.15) {
  g <- haplotypes(n, p, switch) + haplotypes(n, p, switch)
  x <- scale(g)
  y <- drop(x[, causal, drop = FALSE] %*% effects + rnorm(n))
  z <- sapply(1:p, function(j) summary(lm(y ~ x[, j]))$coefficients[2, 3])
  list(z = round(z, 6), r = round(cor(x), 6), n = n, y = y)
}
fit <- function(one, ...) {
  s <- suppressWarnings(suppressMessages(susie_rss(z = one$z, R = one$r, ...)))
  list(v = s$V, pip = as.vector(s$pip), elbo = s$elbo, niter = s$niter, sigma2 = s$sigma2,
       lbf = s$lbf, converged = s$converged, sets = lapply(s$sets$cs, function(m) as.list(m)), coverage = s$sets$coverage,
       purity = s$sets$purity[, 1], mean_r = s$sets$purity[, 2], median_r = s$sets$purity[, 3])
}
diagnose <- function(one, ...) {
  s <- suppressWarnings(suppressMessages(estimate_s_rss(one$z, one$r, ...)))
  k <- suppressWarnings(suppressMessages(kriging_rss(one$z, one$r, ...)$conditional_dist))
  list(s = s, condmean = k$condmean, condvar = k$condvar, z_std_diff = k$z_std_diff, logLR = k$logLR)
}
two <- locus(500, 40, c(8, 27), c(0.35, -0.3))
none <- locus(400, 30, 1, 0)
wrong <- locus(600, 40, 20, 0.5)
wrong$z[c(18, 25)] <- -wrong$z[c(18, 25)]
weights <- round(runif(40), 3); weights[5] <- 0; weights <- weights / sum(weights)
shape <- function(one) list(z = one$z, r = one$r, n = one$n)
cases <- list(
  list(locus = "two", args = list(), result = fit(two, n = two$n)),
  list(locus = "two", args = list(effects = 3, coverage = 0.8, min_purity = 0.9), result = fit(two, n = two$n, L = 3, coverage = 0.8, min_abs_corr = 0.9)),
  list(locus = "two", args = list(rule = "em"), result = fit(two, n = two$n, estimate_prior_method = "EM")),
  list(locus = "two", args = list(rule = "simple"), result = fit(two, n = two$n, estimate_prior_method = "simple")),
  list(locus = "two", args = list(rule = "none", prior_variance = 0.05), result = fit(two, n = two$n, estimate_prior_variance = FALSE, scaled_prior_variance = 0.05)),
  list(locus = "two", args = list(null_weight = 0.4), result = fit(two, n = two$n, null_weight = 0.4)),
  list(locus = "two", args = list(null_weight = 0.9, rule = "em"), result = fit(two, n = two$n, null_weight = 0.9, estimate_prior_method = "EM")),
  list(locus = "two", args = list(), weights = weights, result = fit(two, n = two$n, prior_weights = weights)),
  list(locus = "two", args = list(), weights = weights, n = NA, result = fit(two, prior_weights = weights)),
  list(locus = "two", args = list(prior_variance = 10), n = NA, result = fit(two, prior_variance = 10)),
  list(locus = "two", args = list(estimate_residual_variance = TRUE), result = fit(two, n = two$n, estimate_residual_variance = TRUE)),
  list(locus = "two", args = list(refine = TRUE), result = fit(two, n = two$n, refine = TRUE)),
  list(locus = "two", args = list(refine = TRUE, null_weight = 0.2), weights = weights, result = fit(two, n = two$n, refine = TRUE, null_weight = 0.2, prior_weights = weights)),
  list(locus = "two", args = list(tolerance = 1e-8), result = fit(two, n = two$n, tol = 1e-8)),
  list(locus = "none", args = list(), result = fit(none, n = none$n)),
  list(locus = "none", args = list(effects = 50, coverage = 0.5), result = fit(none, n = none$n, L = 50, coverage = 0.5)),
  list(locus = "wrong", args = list(tolerance = 1e-9, most_rounds = 4), result = fit(wrong, n = wrong$n, tol = 1e-9, max_iter = 4)),
  list(locus = "wrong", args = list(), result = fit(wrong, n = wrong$n)))
out <- list(loci = list(two = shape(two), none = shape(none), wrong = shape(wrong)), fits = cases,
  mismatch = list(list(locus = "two", n = two$n, result = diagnose(two, n = two$n)), list(locus = "wrong", n = wrong$n, result = diagnose(wrong, n = wrong$n)),
                  list(locus = "none", n = NA, result = diagnose(none))))
cat(toJSON(out, digits = NA, auto_unbox = TRUE, na = "null"))
