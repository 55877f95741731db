# R's numbers for exact ties, on the designs of cox_rules.py: Rscript make_exact_ties.R
# (survival 3.5.3, R 4.2.2). coxph(ties = "exact") is slow: designs are small, or tied lightly.
library(survival)
functions <- new.env() # of make_cox.R, without its fits
for (each in parse("make_cox.R"))
  if (as.character(each[[2]])[1] %in% c("prime", "draw", "make")) eval(each, functions)

designs <- list()
add <- function(n, grid, effect = 0.7, rate = 1, truncated = 0, strata = 1)
  designs[[length(designs) + 1]] <<- list(n = n, grid = grid, effect = effect, rate = rate,
    truncated = truncated, strata = strata, weighted = FALSE, ties = "exact")
add(60, 6)
add(60, 1e6)
add(60, 8, truncated = 0.7)
add(200, 3, rate = 3)                 # some forty events at a time
add(200, 1, rate = 0.8)               # two times: a logistic regression given its margins
add(400, 12, strata = 5)
add(400, 12, strata = 60)             # strata in which all have the event, or one is left
add(400, 200, truncated = 0.8, strata = 3)  # with entries R goes through all sets: few ties
add(900, 4, effect = 1.5, rate = 3)   # more than two hundred at a time
add(1500, 40, rate = 0.02)            # one per cent of events
add(1500, 365, rate = 0.02, truncated = 0.5)

fit_one <- function(d) {
  data <- functions$make(d)
  y <- if (d$truncated > 0) Surv(data$entry, data$exit, data$event) else
    Surv(data$exit, data$event)
  control <- coxph.control(eps = 1e-13, iter.max = 60, toler.chol = 1e-14)
  formula <- if (d$strata > 1) y ~ x + age + rare + level + strata(stratum) else
    y ~ x + age + rare + level
  fit <- suppressWarnings(coxph(formula, data, ties = "exact", control = control))
  c(d, list(events = sum(data$event), rows = nrow(data), coef = unname(coef(fit)),
    covariance = fit$var[, 1], se = sqrt(diag(fit$var)), loglik = fit$loglik, score = fit$score,
    wald = unname(fit$wald.test)))
}

jsonlite::write_json(lapply(designs, fit_one), "exact_ties.json", digits = I(17),
  auto_unbox = TRUE)
