# Elastic nets by the R package glmnet on data that follow from formulas, which
# test_elastic_net_r.py repeats; writes elastic_net.json, elastic_net_hard.json (more columns than
# rows, a sum of others, a constant, units of 1e8 and 1e-8, a mean of 1e6) and
# elastic_net_weights.json (sampling weights, log-normal, the largest thousands of times the least)
# beside this script.
# Run as: Rscript make_elastic_net.R
suppressMessages({library(glmnet); library(survival)})

glmnet.control(epsnr = 1e-12, mxitnr = 50)  # of Newton steps, for cohorts with late entry

part <- function(n, of) { v <- (1:n) * sqrt(of); v - floor(v) }
primes <- c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)

draw <- function(d) {
  n <- d$n; p <- d$p
  X <- sapply(1:p, function(j) qnorm(part(n, primes[1 + (j - 1) %% 20] + 73.3 * ((j - 1) %/% 20))))
  X <- X %*% diag(1 + (1:p) %% 4)
  X[, 2] <- X[, 1] + 0.3 * X[, 2]
  X[, 3] <- X[, 3] + 20
  if (isTRUE(d$hard)) {
    X[, 7] <- X[, 1] + X[, 4]; X[, 8] <- 7
    X[, 9] <- 1e8 * X[, 9]; X[, 10] <- 1e-8 * X[, 10]; X[, 11] <- 1e6 + X[, 11]
  }
  eta <- d$effect * (X[, 1] - 0.5 * X[, 4] + 0.3 * X[, 6])
  list(X = X, eta = eta, u = part(n, 101), w = 1 + floor(3 * part(n, 103)), e = part(n, 107))
}

response <- function(d, s) {
  if (d$family == "gaussian") return(s$eta + 2 * qnorm(s$u))
  if (d$family == "binomial") return(as.numeric(qlogis(s$u) + s$eta > d$level))
  time <- -log(s$u) / exp(s$eta) + 0.05
  event <- as.numeric(s$e > d$level)
  if (d$ties > 0) time <- ceiling(time * d$ties) / d$ties
  if (d$late) return(Surv(time * s$e * 0.5, time, event))
  Surv(time, event)
}

fit <- function(d) {
  s <- draw(d)
  w <- if (isTRUE(d$sampling)) exp(1.2 * qnorm(part(d$n, 103))) else if (d$weighted) s$w else rep(1, d$n)
  pf <- rep(1, d$p)
  if (d$free) { pf[4] <- 0; pf[5] <- 2 }
  f <- glmnet(s$X, response(d, s), family = d$family, alpha = d$alpha, weights = w, penalty.factor = pf,
    thresh = if (d$late) 1e-14 else 1e-20, maxit = 1e6, lambda = if (d$late) 0.15 * 0.6^(0:5) else NULL)
  from <- if (d$alpha == 0) 2 else 1
  at <- unique(round(seq(from, length(f$lambda), length.out = 6)))
  list(penalties = f$lambda[at], largest = if (d$late) 0 else f$lambda[2]^2 / f$lambda[3], count = length(f$lambda),
    intercepts = if (d$family == "cox") rep(0, length(at)) else f$a0[at],
    coefficients = t(as.matrix(f$beta[, at])), explained = f$dev.ratio[at])
}

number <- function(v) paste(ifelse(v == 0, "0", formatC(v, digits = 15, format = "g", width = 1)), collapse = ", ")
write <- function(d) {
  r <- fit(d)
  rows <- apply(r$coefficients, 1, function(v) sprintf("[%s]", number(v)))
  sprintf(' {"family": "%s", "n": %d, "p": %d, "alpha": %g, "effect": %g, "level": %g, "ties": %g, "late": %s, "weighted": %s, "free": %s,\n  "largest": %s, "count": %d, "penalties": [%s],\n  "intercepts": [%s], "explained": [%s],\n  "coefficients": [%s]}',
    d$family, d$n, d$p, d$alpha, d$effect, d$level, d$ties, tolower(d$late), tolower(d$weighted), tolower(d$free),
    number(r$largest), r$count, number(r$penalties), number(r$intercepts), number(r$explained), paste(rows, collapse = ",\n   "))
}

design <- function(family, n = 150, p = 20, alpha = 0.5, effect = 0.4, level = 0.3, ties = 0, late = FALSE, weighted = FALSE, free = FALSE)
  list(family = family, n = n, p = p, alpha = alpha, effect = effect, level = level, ties = ties, late = late, weighted = weighted, free = free)
designs <- list()
for (family in c("gaussian", "binomial", "cox")) {
  for (alpha in c(1, 0.5, 0)) designs <- c(designs, list(design(family, alpha = alpha)))
  designs <- c(designs, list(
    design(family, weighted = TRUE), design(family, free = TRUE), design(family, weighted = TRUE, free = TRUE, alpha = 0.9),
    design(family, n = 50, p = 60, alpha = 0.7), design(family, n = 5000, p = 20, alpha = 0.5)))
}
designs <- c(designs, list(
  design("binomial", n = 2000, level = 5), design("cox", n = 2000, level = 0.99), design("cox", ties = 2), design("cox", n = 600, ties = 1, weighted = TRUE),
  design("cox", late = TRUE), design("cox", late = TRUE, weighted = TRUE, ties = 4)))
save <- function(designs, file) writeLines(c("[", paste(sapply(designs, write), collapse = ",\n"), "]"), file)
save(designs, "elastic_net.json")

hard <- list()
for (family in c("gaussian", "binomial", "cox")) {
  for (alpha in c(0, 0.5, 0.9)) hard <- c(hard, list(design(family, alpha = alpha)))
  hard <- c(hard, list(
    design(family, weighted = TRUE), design(family, n = 60, p = 200, alpha = 0.5), design(family, n = 60, p = 200, alpha = 1)))
}
save(lapply(hard, function(d) c(d, hard = d$p < d$n)), "elastic_net_hard.json")

weighted <- list()
for (family in c("gaussian", "binomial", "cox")) {
  for (alpha in c(0, 0.5, 1)) weighted <- c(weighted, list(design(family, n = 400, p = 30, alpha = alpha, weighted = TRUE)))
  weighted <- c(weighted, list(
    design(family, n = 60, p = 200, alpha = 0.5, weighted = TRUE),
    design(family, n = 5000, p = 20, alpha = 0.5, level = if (family == "binomial") 4 else 0.95, weighted = TRUE)))
}
weighted <- c(weighted, list(design("cox", n = 400, ties = 2, weighted = TRUE)))
save(lapply(weighted, function(d) c(d, sampling = TRUE)), "elastic_net_weights.json")
