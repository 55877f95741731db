# Elastic nets by the R package glmnet at the corners of what scores meet: rare carriers, proteins of
# one factor, copies but for a little, rounded ranks, columns that are constant or nearly so, as many
# columns as rows, weights of 0, few times and few events. Data follow from formulas, which
# test_elastic_net_corners.py repeats; writes elastic_net_corners.json beside this script.
# Run as: Rscript make_elastic_net_corners.R
suppressMessages({library(glmnet); library(survival); library(jsonlite)})

glmnet.control(epsnr = 1e-12, mxitnr = 50)

part <- function(n, of) { v <- (1:n) * sqrt(of); v - floor(v) }
primes <- c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)

draw <- function(d) {
  n <- d$n; p <- d$p
  Z <- sapply(1:p, function(j) qnorm(part(n, primes[1 + (j - 1) %% 20] + 73.3 * ((j - 1) %/% 20))))
  X <- Z
  if (d$columns == "carriers") X <- (Z > rep(qnorm(1 - 0.02 - 0.3 * part(p, 127)), each = n)) * 1
  if (d$columns == "factor") X <- 0.2 * Z + qnorm(part(n, 109))
  if (d$columns == "copies") X[, 2:p] <- Z[, 1 + (2:p) %% 5] + 1e-2 * Z[, 2:p]
  if (d$columns == "rounded") X <- floor(2 * Z + 0.5) / 2
  if (d$columns == "constant") { X[, 3] <- 4; X[, 5] <- c(1, rep(0, n - 1)); X[, 6] <- -X[, 1] }
  eta <- d$effect * (X[, 1] - 0.5 * X[, 2] + 0.3 * X[, 4])
  w <- rep(1, n)
  if (d$weights == "zeros") w <- ifelse(part(n, 113) < 0.2, 0, 1)
  if (d$weights == "spread") w <- exp(2 * qnorm(part(n, 113)))
  list(X = X, eta = eta, u = part(n, 101), w = w, e = part(n, 107))
}

response <- function(d, s) {
  if (d$family == "gaussian") return(s$eta + 2 * qnorm(s$u))
  if (d$family == "binomial") return(as.numeric(qlogis(s$u) + s$eta > d$level))
  time <- -log(s$u) / exp(s$eta) + 0.05
  if (d$times > 0) time <- pmin(ceiling(time * d$times), 2 * d$times) / d$times
  Surv(time, as.numeric(s$e > d$level))
}

fit <- function(d) {
  s <- draw(d)
  f <- glmnet(s$X, response(d, s), family = d$family, alpha = d$alpha, weights = s$w, thresh = 1e-20, maxit = 1e7)
  last <- max(which(f$dev.ratio < 0.9))
  at <- unique(round(last * c(0.25, 0.6, 1)))
  c(d, list(penalties = f$lambda[at], intercepts = if (d$family == "cox") rep(0, length(at)) else unname(f$a0[at]),
    explained = f$dev.ratio[at], coefficients = unname(t(as.matrix(f$beta[, at])))))
}

design <- function(family, columns, alpha, n = 120, p = 12, weights = "one", level = 0.3, times = 0, effect = 0.5)
  list(family = family, columns = columns, alpha = alpha, n = n, p = p, weights = weights, level = level, times = times, effect = effect)
designs <- list(
  design("gaussian", "carriers", 0.05, weights = "spread"), design("gaussian", "factor", 1, n = 60, p = 60),
  design("gaussian", "copies", 0.05), design("gaussian", "constant", 1, weights = "zeros"),
  design("gaussian", "rounded", 0.5, n = 30, p = 60, weights = "spread"), design("gaussian", "carriers", 1, n = 40, p = 50),
  design("binomial", "carriers", 1), design("binomial", "factor", 0.05, weights = "spread"),
  design("binomial", "copies", 0.5, n = 40, p = 50), design("binomial", "constant", 0.5, weights = "zeros", level = 2),
  design("binomial", "rounded", 0.05, n = 50, p = 50), design("binomial", "factor", 1, level = 3, n = 300),
  design("cox", "carriers", 0.5, times = 2), design("cox", "factor", 0.05, weights = "spread", times = 1),
  design("cox", "copies", 1, n = 40, p = 50), design("cox", "constant", 0.05, weights = "zeros", level = 0.9),
  design("cox", "rounded", 1, times = 1, weights = "zeros"), design("cox", "rounded", 0.5, level = 0.97, n = 300, times = 3))
write(toJSON(lapply(designs, fit), digits = I(15), auto_unbox = TRUE), "elastic_net_corners.json")
