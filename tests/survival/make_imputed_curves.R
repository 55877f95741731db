# Curves of multiply imputed groups, each imputation by the R packages survival and cmprsk and pooled
# in a loop; data follow from formulas, which test_imputed_curves.py repeats. Writes
# imputed_curves.json beside this script.
# Run as: Rscript make_imputed_curves.R
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})

draw <- function(n, k) { v <- (1:n) * sqrt(c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29)[k]); v - floor(v) }
M <- 5

make <- function(kind, n, j) {
  known <- floor(3 * draw(n, 9))
  v <- draw(n, 8) + j * sqrt(31); drawn <- floor(3 * (v - floor(v)))
  g <- ifelse(draw(n, 7) < 0.4, drawn, known)
  first <- -log(draw(n, 4)) / (0.08 * exp(0.4 * (known - 1)))
  other <- -log(draw(n, 5)) / 0.05
  gone <- 5 + 10 * draw(n, 6)
  t <- pmin(first, other, gone)
  event <- ifelse(t == first, 1, ifelse(t == other, 2, 0))
  if (kind == "years") t <- ceiling(t)
  entry <- if (kind == "late") ifelse(draw(n, 2) < 0.5, 3 * draw(n, 3), 0) else 0 * t
  w <- if (kind == "weights") 0.5 + draw(n, 10) else rep(1, n)
  s <- floor(2 * draw(n, 3))
  d <- data.frame(g, t, event, entry, w, s, own = seq_len(n))
  d[d$entry < d$t, ]
}

# Rubin's rules: rows are imputations
rubin <- function(q, u) {
  m <- nrow(q); B <- apply(q, 2, var); U <- colMeans(u); T <- U + (1 + 1 / m) * B
  df <- (m - 1) * (1 + U / ((1 + 1 / m) * B))^2
  r <- (1 + 1 / m) * B / U
  list(q = colMeans(q), se = sqrt(T), df = df, fmi = (r + 2 / (df + 3)) / (r + 1))
}
d2 <- function(w, k) {
  m <- length(w); r <- (1 + 1 / m) * var(sqrt(w))
  F <- max(0, (mean(w) / k - (m + 1) / (m - 1) * r) / (1 + r)); den <- k^(-3 / m) * (m - 1) * (1 + 1 / r)^2
  c(F, k, den, pf(F, k, den, lower.tail = FALSE))
}
# probabilities (m, T): where each has a scale
shares <- function(S, se) {
  ok <- colSums(S <= 0 | S >= 1 | is.na(S)) == 0
  p <- rubin(log(-log(S[, ok, drop = FALSE])), (se / (S * log(S)))[, ok, drop = FALSE]^2)
  half <- qt(0.975, p$df) * p$se
  at <- function(x) exp(-exp(x))
  list(ok = ok, S = at(p$q), se = at(p$q) * exp(p$q) * p$se, low = at(p$q + half), high = at(p$q - half), fmi = p$fmi)
}
median_of <- function(t, S) { hit <- which(S <= 0.5); if (length(hit)) t[hit[1]] else NA }

fit <- function(kind, n) {
  D <- lapply(1:M, function(j) make(kind, n, j))
  late <- kind == "late"; weighted <- kind == "weights"; stratified <- kind == "strata"
  for (j in 1:M) D[[j]]$y <- if (late) Surv(D[[j]]$entry, D[[j]]$t, D[[j]]$event == 1) else Surv(D[[j]]$t, D[[j]]$event == 1)
  km <- function(d, k) if (weighted) survfit(y ~ 1, d[d$g == k, ], weights = w) else survfit(y ~ 1, d[d$g == k, ])
  tau <- min(sapply(D, function(d) tapply(d$t, d$g, max)))
  curves <- lapply(0:2, function(k) {
    last <- min(sapply(D, function(d) max(d$t[d$g == k])))
    t <- sort(unique(unlist(lapply(D, function(d) d$t[d$g == k & d$event == 1])))); t <- t[t <= last]
    each <- lapply(D, function(d) summary(km(d, k), times = t, extend = TRUE))
    p <- shares(t(sapply(each, function(s) s$surv)), t(sapply(each, function(s) s$std.err)))
    c(list(time = t[p$ok], median = c(median_of(t[p$ok], p$S), median_of(t[p$ok], p$low), median_of(t[p$ok], p$high))), p[-1])
  })
  test <- sapply(D, function(d) {
    if (weighted) coxph(y ~ factor(g), d, weights = w, cluster = own, ties = "breslow")$rscore
    else if (stratified) survdiff(y ~ g + strata(s), d)$chisq
    else if (late) coxph(y ~ factor(g), d)$score
    else survdiff(y ~ g, d)$chisq
  })
  mean_of <- function(d, k) {
    f <- summary(km(d, k), rmean = tau)$table; f[c("rmean", "se(rmean)")]
  }
  out <- list(kind = kind, n = n, tau = tau, curves = curves)
  out$logrank <- d2(test, 2)
  if (!weighted) {
    R <- lapply(D, function(d) sapply(0:2, function(k) mean_of(d, k)))
    q <- t(sapply(R, function(r) r[1, ])); u <- t(sapply(R, function(r) r[2, ]^2))
    whole <- function(p) list(estimate = p$q, se = p$se, df = p$df, fmi = p$fmi)
    out$mean <- whole(rubin(q, u))
    out$difference <- whole(rubin(q[, 2:3] - q[, 1], u[, 2:3] + u[, 1]))
    out$ratio <- whole(rubin(log(q[, 2:3] / q[, 1]), u[, 2:3] / q[, 2:3]^2 + u[, 1] / q[, 1]^2))
    d1 <- t(sapply(D, function(d) tapply(d$event == 1, d$g, sum)))
    T <- t(sapply(D, function(d) tapply(d$t - d$entry, d$g, sum)))
    rate <- rubin(log(d1 / T), 1 / d1); half <- qt(0.975, rate$df) * rate$se
    out$rate <- list(rate = 1000 * exp(rate$q), low = 1000 * exp(rate$q - half), high = 1000 * exp(rate$q + half))
    both <- rubin(log(d1 / T)[, 2:3] - log(d1 / T)[, 1], 1 / d1[, 2:3] + 1 / d1[, 1])
    out$rate_ratio <- list(ratio = exp(both$q), p = 2 * pt(-abs(both$q / both$se), both$df))
  }
  if (!late && !weighted) {
    out$incidence <- lapply(0:2, function(k) {
      last <- min(sapply(D, function(d) max(d$t[d$g == k])))
      t <- sort(unique(unlist(lapply(D, function(d) d$t[d$g == k & d$event > 0])))); t <- t[t <= last]
      each <- lapply(D, function(d) summary(survfit(Surv(t, factor(event, 0:2)) ~ 1, d[d$g == k, ]), times = t, extend = TRUE))
      p <- shares(1 - t(sapply(each, function(s) s$pstate[, 2])), t(sapply(each, function(s) s$std.err[, 2])))
      list(time = t[p$ok], incidence = 1 - p$S, se = p$se, low = 1 - p$high, high = 1 - p$low)
    })
    if (!stratified) out$gray <- d2(sapply(D, function(d) cuminc(d$t, d$event, d$g)$Tests["1", "stat"]), 2)
  }
  out
}

designs <- list(list("plain", 150), list("years", 200), list("late", 200), list("weights", 150), list("strata", 150))
write(toJSON(lapply(designs, function(d) do.call(fit, d)), digits = I(15), auto_unbox = TRUE), "imputed_curves.json")
