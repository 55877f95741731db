# R's numbers for the designs of fine_gray_rules.py: Rscript make_fine_gray.R
# (cmprsk 2.2.11, survival 3.5.3, R 4.2.2).
library(survival)
library(cmprsk)

prime <- 1000003
draw <- function(n, column) {
  i <- as.numeric(seq_len(n))
  a <- 7919 * column + 104729
  b <- 15485863 %% (prime - column)
  ((((i * i) %% prime) * a + i * b + 31337 * column) %% prime + 0.5) / prime
}

designs <- list()
add <- function(n, grid, rates = c(0.5, 0.7), truncated = 0, strata = 1, groups = 1,
                weighted = FALSE, ties = "efron", crr = FALSE)
  designs[[length(designs) + 1]] <<- list(n = n, grid = grid, rates = rates,
    truncated = truncated, strata = strata, groups = groups, weighted = weighted, ties = ties,
    crr = crr)
for (ties in c("efron", "breslow")) {
  add(80, 4, ties = ties)
  add(300, 6, weighted = TRUE, ties = ties)
  add(300, 8, truncated = 0.7, ties = ties)
  add(900, 12, truncated = 0.6, weighted = TRUE, ties = ties)
  add(900, 20, strata = 3, weighted = TRUE, ties = ties)
}
add(500, 1e6, ties = "breslow", crr = TRUE)
add(500, 10, ties = "breslow", crr = TRUE)
add(500, 1e6, groups = 3, ties = "breslow", crr = TRUE)
add(500, 10, groups = 3, ties = "breslow", crr = TRUE)
add(2000, 1e6, rates = c(0.01, 0.5), ties = "breslow", crr = TRUE)
add(2000, 50, rates = c(0.7, 0.01), ties = "breslow", crr = TRUE)
add(800, 1e6, strata = 2, groups = 2, truncated = 0.5)
add(5000, 1e6, rates = c(0.02, 0.1))
add(5000, 12, rates = c(0.02, 0.1), truncated = 0.6, weighted = TRUE)
add(9000, 365, rates = c(0.3, 0.4))

make <- function(d) {
  n <- d$n
  x <- draw(n, 1) + draw(n, 2) + draw(n, 3) - 1.5
  age <- draw(n, 4) + draw(n, 5) - 1
  rare <- as.numeric(draw(n, 6) < 0.08)
  first <- -log(draw(n, 7)) * exp(-0.7 * x - age - 0.5 * rare) / d$rates[1]
  other <- -log(draw(n, 8)) * exp(0.4 * x - 1.5 * age) / d$rates[2]
  group <- floor(draw(n, 9) * d$groups)
  censored <- 0.2 + draw(n, 10) * (1 + group)
  entry <- ifelse(draw(n, 11) < d$truncated, 0.6 * draw(n, 12), 0)
  end <- pmin(first, other, censored)
  exit <- floor(end * d$grid + 1) / d$grid
  entry <- floor(entry * d$grid) / d$grid
  out <- data.frame(x, age, rare, entry, exit,
    event = ifelse(censored <= pmin(first, other), 0, ifelse(first <= other, 1, 2)),
    stratum = floor(draw(n, 13) * d$strata), group,
    w = if (d$weighted) 0.2 + 2 * draw(n, 14) else rep(1, n), row = seq_len(n))
  if (d$strata == d$groups) out$stratum <- out$group
  out[out$entry < out$exit, ]
}

fit_one <- function(d) {
  data <- make(d)
  data$row <- seq_len(nrow(data))
  data$what <- factor(data$event, 0:2)
  y <- with(data, if (d$truncated > 0) Surv(entry, exit, what) else Surv(exit, what))
  out <- c(d, list(rows = nrow(data), counts = as.numeric(table(data$what))))
  control <- coxph.control(eps = 1e-13, iter.max = 60, toler.chol = 1e-14, timefix = FALSE)
  if (d$groups == 1 || d$strata == d$groups) {
    # With strata finegray 3.5.3 takes the weights of other rows, so that they come in here.
    formula <- if (d$groups > 1) y ~ row + strata(group) else y ~ row
    long <- finegray(formula, data, etype = "1", id = row, timefix = FALSE)
    long <- cbind(long[c("fgstart", "fgstop", "fgstatus", "fgwt")], data[long$row, ])
    long$fgwt <- long$fgwt * long$w
    z <- with(long, Surv(fgstart, fgstop, fgstatus))
    model <- if (d$strata > 1) z ~ x + age + rare + strata(stratum) else z ~ x + age + rare
    known <- coxph(model, long, weights = fgwt, ties = d$ties, cluster = row, control = control)
    # As coxph is called without id: each row of finegray by itself.
    long$piece <- seq_len(nrow(long))
    apart <- coxph(model, long, weights = fgwt, ties = d$ties, cluster = piece, control = control)
    out <- c(out, list(coef = unname(coef(known)), loglik = known$loglik,
      known = sqrt(diag(known$var)), stretches = sqrt(diag(apart$var))))
  }
  if (d$crr) {
    X <- as.matrix(data[c("x", "age", "rare")])
    fit <- crr(data$exit, data$event, X, cengroup = data$group, gtol = 1e-15, maxiter = 50)
    out <- c(out, list(crr_coef = unname(fit$coef), crr_se = sqrt(diag(fit$var)),
      crr_loglik = fit$loglik))
  }
  out
}

jsonlite::write_json(lapply(designs, fit_one), "fine_gray.json", digits = I(17),
  auto_unbox = TRUE)
