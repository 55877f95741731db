# R's numbers for the designs of cox_rules.py: Rscript make_cox.R (survival 3.5.3, R 4.2.2).
library(survival)

prime <- 1000003
draw <- function(n, column) {
  i <- as.numeric(seq_len(n))
  a <- 7919 * column + 104729
  b <- 15485863 %% (prime - column)
  ((((i * i) %% prime) * a + i * b + 31337 * column) %% prime + 0.5) / prime
}

designs <- list()
add <- function(n, grid, effect = 0.7, rate = 1.0, truncated = 0, strata = 1, weighted = FALSE,
                ties = "efron")
  designs[[length(designs) + 1]] <<- list(n = n, grid = grid, effect = effect, rate = rate,
    truncated = truncated, strata = strata, weighted = weighted, ties = ties)
for (ties in c("efron", "breslow")) {
  add(60, 6, ties = ties)
  add(60, 8, truncated = 0.7, weighted = TRUE, ties = ties)
  add(400, 12, strata = 5, weighted = TRUE, ties = ties)
  add(900, 25, truncated = 0.8, strata = 3, ties = ties)
  add(5000, 30, truncated = 0.6, weighted = TRUE, strata = 2, ties = ties)
}
add(200, 1e6)
add(200, 1e6, truncated = 0.9)
add(900, 4, effect = 1.5, rate = 3)
add(900, 1e6, strata = 200)
add(5000, 1e6, rate = 0.02)
add(5000, 10, effect = -0.4, rate = 0.02, truncated = 0.5, weighted = TRUE)
add(9000, 365, rate = 0.3)

make <- function(d) {
  n <- d$n
  x <- draw(n, 1) + draw(n, 2) + draw(n, 3) - 1.5
  age <- draw(n, 4) + draw(n, 5) - 1
  rare <- as.numeric(draw(n, 6) < 0.08)
  level <- factor(floor(draw(n, 7) * 4))
  eta <- d$effect * x + 1.5 * age + 0.5 * rare + 0.3 * (level == 2)
  eta <- eta - 0.8 * x * (draw(n, 8) < 0.3)
  died <- -log(draw(n, 9)) * exp(-eta) / d$rate
  censored <- 0.2 + draw(n, 10)
  entry <- ifelse(draw(n, 11) < d$truncated, 0.6 * draw(n, 12), 0)
  exit <- floor(pmin(died, censored) * d$grid + 1) / d$grid
  entry <- floor(entry * d$grid) / d$grid
  out <- data.frame(x, age, rare, level, entry, exit, event = as.numeric(died <= censored),
    stratum = floor(draw(n, 13) * d$strata),
    w = if (d$weighted) 0.2 + 2 * draw(n, 14) else rep(1, n),
    id = floor(draw(n, 15) * max(5, n / 4)))
  out$row <- seq_len(n)
  out[out$entry < out$exit, ]
}

fit_one <- function(d) {
  data <- make(d)
  y <- if (d$truncated > 0) Surv(data$entry, data$exit, data$event) else
    Surv(data$exit, data$event)
  control <- coxph.control(eps = 1e-13, iter.max = 60, toler.chol = 1e-14)
  formula <- if (d$strata > 1) y ~ x + age + rare + level + strata(stratum) else
    y ~ x + age + rare + level
  plain <- coxph(formula, data, weights = w, ties = d$ties, robust = FALSE, control = control)
  robust <- coxph(formula, data, weights = w, ties = d$ties, cluster = row, control = control)
  grouped <- coxph(formula, data, weights = w, ties = d$ties, cluster = id, control = control)
  zph <- lapply(c(km = "km", rank = "rank", identity = "identity", log = "log"),
    function(t) cox.zph(plain, transform = t)$table[, "chisq"])
  agreement <- concordance(plain)
  uno <- if (d$truncated > 0) NULL else concordance(plain, timewt = "n/G2", ymax = 0.7)
  c(d, list(events = sum(data$event), rows = nrow(data), coef = unname(coef(plain)),
    covariance = plain$var[, 1], se = sqrt(diag(plain$var)),
    robust = sqrt(diag(robust$var)), clustered = sqrt(diag(grouped$var)),
    loglik = plain$loglik, score = plain$score, zph = lapply(zph, unname),
    concordance = unname(agreement$concordance), concordance_se = sqrt(agreement$var),
    uno = unname(uno$concordance), uno_se = if (is.null(uno)) NULL else sqrt(uno$var)))
}

jsonlite::write_json(lapply(designs, fit_one), "cox.json", digits = I(17), auto_unbox = TRUE)
