# Areas, concordances, pseudo-observations and calibration by R on data that follow from formulas,
# which test_discrimination_r.py repeats; writes discrimination.json beside this script.
# Run as: Rscript make_discrimination.R
suppressMessages({library(pROC); library(survival); library(sandwich)})

part <- function(n, of) { v <- (1:n) * sqrt(of); v - floor(v) }

draw <- function(d) {
  n <- d$n
  s1 <- qnorm(part(n, 2)); s2 <- 0.6 * s1 + 0.8 * qnorm(part(n, 3))
  if (d$round > 0) { s1 <- round(s1 * d$round) / d$round; s2 <- round(s2 * d$round) / d$round }
  case <- as.numeric(qlogis(part(n, 5)) + 0.8 * s1 > d$level)
  time <- -log(part(n, 7)) / exp(0.6 * s1) * 4
  free <- 1 + 9 * part(n, 11)
  if (d$ties > 0) { time <- ceiling(time * d$ties) / d$ties; free <- ceiling(free * d$ties) / d$ties }
  entry <- pmin(time, free) * 0.4 * part(n, 13)
  data.frame(s1, s2, case, exit = pmin(time, free), event = as.numeric(time <= free), entry)
}

x <- NULL
find <- function(d) {
  x <<- draw(d)
  a <- roc(x$case, x$s1, quiet = TRUE, direction = "<"); b <- roc(x$case, x$s2, quiet = TRUE, direction = "<")
  test <- roc.test(a, b, paired = TRUE)
  # Cox models whose predictors are the scores themselves
  still <- coxph.control(iter.max = 0)
  f1 <- coxph(Surv(exit, event) ~ s1, data = x, init = 1, control = still)
  f2 <- coxph(Surv(exit, event) ~ s2, data = x, init = 1, control = still)
  pair <- concordance(f1, f2)
  late <- concordance(Surv(entry, exit, event) ~ s1, x, reverse = TRUE)
  uno <- concordance(Surv(exit, event) ~ s1, x, reverse = TRUE, timewt = "n/G2", ymax = d$horizon)
  curve <- survfit(Surv(exit, event) ~ 1, x)
  false <- 1 - pseudo(curve, times = d$horizon, type = "surv")
  risk <- plogis(0.3 * x$s1 - d$level)
  slope <- glm(case ~ qlogis(risk), family = binomial, data = x, control = list(epsilon = 1e-14))
  large <- glm(case ~ offset(qlogis(risk)), family = binomial, data = x, control = list(epsilon = 1e-14))
  c(auc1 = as.numeric(a$auc), auc2 = as.numeric(b$auc), se1 = sqrt(var(a)), se_gap = as.numeric((a$auc - b$auc) / test$statistic),
    c1 = pair$concordance[[1]], c2 = pair$concordance[[2]], c_se1 = sqrt(pair$var[1, 1]),
    c_gap = sqrt(pair$var[1, 1] + pair$var[2, 2] - 2 * pair$var[1, 2]),
    late = late$concordance[[1]], late_se = sqrt(late$var), uno = uno$concordance[[1]], uno_se = sqrt(uno$var),
    pseudo1 = false[1], pseudo2 = false[d$n %/% 2], pseudo3 = false[d$n], pseudo_mean = mean(false), pseudo_sd = sd(false),
    slope = coef(slope)[[2]], slope_se = sqrt(vcovHC(slope, type = "HC0")[2, 2]), large = coef(large)[[1]], large_se = sqrt(vcovHC(large, type = "HC0")[1, 1]))
}

write <- function(d) {
  r <- find(d)
  sprintf(' {"n": %d, "round": %g, "level": %g, "ties": %g, "horizon": %g,\n  %s}', d$n, d$round, d$level, d$ties, d$horizon,
    paste(sprintf('"%s": %s', names(r), formatC(r, digits = 15, format = "g", width = 1)), collapse = ", "))
}

design <- function(n = 200, round = 0, level = 0.5, ties = 0, horizon = 4) list(n = n, round = round, level = level, ties = ties, horizon = horizon)
designs <- list(design(), design(round = 1), design(ties = 2), design(round = 2, ties = 1), design(n = 1000, level = 3), design(n = 5000, round = 1, ties = 4),
  design(n = 60, level = 1), design(n = 2000, horizon = 2, ties = 12))
writeLines(c("[", paste(sapply(designs, write), collapse = ",\n"), "]"), "discrimination.json")
