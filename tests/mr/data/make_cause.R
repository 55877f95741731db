# R's numbers of CAUSE on the sample of make_sample.R, with the genome of tests/mr/methods/examples.py:
#   Rscript make_cause.R          (in this folder; R 4.2, no packages)
# The model of Morrison and others 2020 written out: weights of the mixture by EM until they stand,
# posteriors summed over midpoints of a fine even grid of gamma, gamma + eta and the cube root of q.
d <- read.csv("one_exposure.csv")
x <- d$beta_exposure; sx <- d$se_exposure; y <- d$beta_outcome; sy <- d$se_outcome
m <- length(x); i <- 0:1499

# The genome; each variant stands there in four mirror images, so that the correlation of errors is 0.
of <- order(abs(x))[i %% m + 1]
gx <- qnorm((i + 0.5) / 1500) * sx[of]; gx[1:(10 * m)] <- abs(x[of[1:(10 * m)]])
gy <- qnorm(((i * 601) %% 1500 + 0.5) / 1500) * sy[of]
sizes <- function(b, s) { small <- min(s) / 10; large <- 2 * sqrt(max(b^2 - s^2))
  c(0, large * 2^(-(floor(log2(large / small) + 1e-9)):0)) }
grid <- expand.grid(x = sizes(gx, sx[of]), y = sizes(gy, sy[of]))
L <- sapply(seq_len(nrow(grid)), function(k)
  dnorm(gx, 0, sqrt(sx[of]^2 + grid$x[k]^2)) * dnorm(gy, 0, sqrt(sy[of]^2 + grid$y[k]^2)))
L <- L / apply(L, 1, max); null <- as.numeric(grid$x == 0 & grid$y == 0)
w <- rep(1 / nrow(grid), nrow(grid))
climb <- function(w, steps) { at <- which(w > 0); part <- L[, at, drop = FALSE]
  for (step in seq_len(steps)) w[at] <-
    (4 * w[at] * drop(crossprod(part, 1 / drop(part %*% w[at]))) + 9 * null[at]) / 6009
  w }
w <- climb(w, 500); w[w < 1e-3] <- 0
w <- climb(w, 20000); w[w < 0.02] <- 0  # what is on its way to zero; the gap over all is the judge
w <- climb(w, 2000)
gap <- 6009 * log(max((4 * drop(crossprod(L, 1 / drop(L %*% w))) + 9 * ifelse(null > 0, 1 / w, 0)) / 6009))
stopifnot(gap < 0.01)  # of the log likelihood to its maximum
K <- which(w > 1e-9); gridK <- grid[K, ]; wK <- w[K]

kept <- 2 * pnorm(-abs(x / sx)) < 1e-3
x <- x[kept]; sx <- sx[kept]; y <- y[kept]; sy <- sy[kept]; m <- sum(kept)
sd <- max(abs(y / x)) / qnorm(0.975)
along <- function(b) { out <- matrix(0, m, length(b))
  for (k in seq_along(K)) for (j in seq_len(m)) { vx <- sx[j]^2 + gridK$x[k]^2
    out[j, ] <- out[j, ] + wK[k] * dnorm(x[j], 0, sqrt(vx)) * {
      share <- gridK$x[k]^2 / vx  # y given x
      dnorm(y[j], b * share * x[j], sqrt(sy[j]^2 + gridK$y[k]^2 + b^2 * share * sx[j]^2)) } }
  out }
middle <- function(low, high, n) low + (high - low) * (seq_len(n) - 0.5) / n
integrate3 <- function(g, c) { u <- middle(0, 1, 120); q <- u^3
  G <- along(g); C <- along(c); post <- array(0, c(length(g), length(c), length(q)))
  for (s in seq_along(q)) { total <- matrix(0, length(g), length(c))
    for (j in seq_len(m)) total <- total + log(outer((1 - q[s]) * G[j, ], q[s] * C[j, ], "+"))
    post[, , s] <- total + 9 * log1p(-q[s]) + log(3 * u[s]^2) +
      dnorm(outer(-g, c, "+"), 0, sd, log = TRUE) + dnorm(g, 0, sd, log = TRUE) }
  post <- exp(post - max(post)); post <- post / sum(post)
  loo <- sapply(seq_len(m), function(j) { inverse <- 0
    for (s in seq_along(q)) inverse <- inverse +
      sum(post[, , s] / outer((1 - q[s]) * G[j, ], q[s] * C[j, ], "+"))
    -log(inverse) })
  list(post = post, loo = loo) }
# Ranges in which the posteriors without any one of the variants lie, too.
wide <- middle(-6 * sd, 6 * sd, 530); g <- middle(-sd, 2 * sd, 180)
causal <- integrate3(g, wide); sharing <- integrate3(0, wide)
gamma <- apply(causal$post, 1, sum)
# The log density is nearly a parabola: a spline of it gives the distribution function.
fine <- seq(g[1], g[180], length.out = 1e5); seen <- gamma > 1e-12
density <- exp(splinefun(g[seen], log(gamma[seen]))(fine)) * (fine > min(g[seen]) & fine < max(g[seen]))
at <- approx(cumsum(density) / sum(density), fine, c(0.025, 0.5, 0.975), ties = "ordered")$y
delta <- sharing$loo - causal$loo
p <- pnorm(sum(delta) / sqrt(m * var(delta)), log.p = TRUE) / -log(10)
value <- c(estimate = at[2], se = (at[3] - at[1]) / (2 * qnorm(0.975)), conf_low = at[1],
           conf_high = at[3], neg_log10_p = p)
write.csv(data.frame(name = "cause", exposure = "exposure", quantity = names(value),
  value = sprintf("%.17g", value), tolerance = 1e-4), "expected_cause.csv", row.names = FALSE)
print(value)
