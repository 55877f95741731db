# Follow-ups of the kinds that go wrong, by the R package survival; data follow from
# formulas, which test_hard_designs.py repeats. Writes hard.json beside this script.
# Run as: Rscript make_hard.R
suppressMessages({library(survival); library(splines); library(jsonlite)})

draw <- function(n, k) { v <- (1:n) * sqrt(c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29)[k]); v - floor(v) }
control <- coxph.control(eps = 1e-13, iter.max = 60, toler.chol = 1e-15)

make <- function(kind, n) {
  x <- qnorm(draw(n, 1)); age <- 40 + 30 * draw(n, 2); sex <- as.numeric(draw(n, 3) < 0.5)
  rate <- if (kind == "rare") 0.0015 else 0.05
  first <- -log(draw(n, 4)) / (rate * exp(0.4 * x + 0.03 * (age - 55)))
  other <- -log(draw(n, 5)) / (0.03 * exp(-0.3 * x))
  gone <- 5 + 10 * draw(n, 6)
  t <- pmin(first, other, gone)
  event <- ifelse(t == first, 1, ifelse(t == other, 2, 0))
  if (kind == "years") t <- ceiling(t)
  entry <- if (kind == "late") ifelse(draw(n, 7) < 0.7, 6 * draw(n, 8), 0) else 0 * t
  group <- floor(4 * draw(n, 9))
  if (kind == "stratum") event[group == 3] <- 0
  w <- rep(1, n)
  if (kind == "weights") w <- ifelse(draw(n, 10) < 0.1, 0, ifelse(draw(n, 10) < 0.9, 1, 1e6))
  if (kind == "units") { age <- age * 1e6; t <- t * 1e9 }
  if (kind == "five") x <- as.numeric(rank(draw(n, 7)) <= 5)
  d <- data.frame(x, age, sex, t, event, entry, group, w, own = seq_len(n))
  d[d$entry < d$t & d$w > 0, ]
}

fit <- function(kind, n) {
  d <- make(kind, n); late <- any(d$entry > 0); weighted <- any(d$w != 1)
  d$y <- if (late) Surv(d$entry, d$t, d$event == 1) else Surv(d$t, d$event == 1)
  both <- function(f) unname(c(coef(f)["x"], sqrt(vcov(f)["x", "x"])))
  cox <- function(...) if (weighted) coxph(..., data = d, weights = d$w, cluster = d$own, control = control) else coxph(..., data = d, control = control)
  efron <- cox(y ~ x + age + sex)
  out <- list(kind = kind, n = n, people = nrow(d), events = sum(d$event == 1), efron = both(efron),
    breslow = both(cox(y ~ x + age + sex, ties = "breslow")), strata = both(cox(y ~ x + age + sex + strata(group))),
    zph = if (kind != "units") unname(cox.zph(efron, transform = "km")$table[c("x", "GLOBAL"), "chisq"])) # R's is singular there
  out$years <- with(d, unname(c(pyears(y ~ group, weights = w, scale = 1)$pyears, pyears(y ~ group, weights = w, scale = 1)$event)))
  unit <- if (kind == "units") 1e9 else 1
  parts <- survSplit(Surv(entry, t, case) ~ ., data = transform(subset(d, select = -y), case = event == 1), cut = c(3, 7) * unit, episode = "part")
  f <- if (weighted) coxph(Surv(entry, t, case) ~ age + sex + x:factor(part), parts, weights = w, cluster = own, control = control) else
    coxph(Surv(entry, t, case) ~ age + sex + x:factor(part), parts, control = control)
  if (!kind %in% c("rare", "five")) { # no events in one of the parts
    b <- coef(f)[3:5]; V <- vcov(f)[3:5, 3:5]; C <- rbind(c(-1, 1, 0), c(-1, 0, 1))
    out$periods <- list(estimate = unname(b), se = unname(sqrt(diag(V))), equal = drop(t(C %*% b) %*% solve(C %*% V %*% t(C), C %*% b)))
  }
  if (!weighted && kind != "five") out$spline <- anova(cox(y ~ age + sex + x), cox(y ~ age + sex + ns(x, 3)))$Chisq[2]
  h <- concordance(efron); out$harrell <- c(unname(h$concordance), sqrt(h$var))
  if (!late && !weighted) {
    out$weibull <- both(survreg(y ~ x + age + sex, d, dist = "weibull", control = survreg.control(maxiter = 200, rel.tolerance = 1e-14)))
    out$lognormal <- both(survreg(y ~ x + age + sex, d, dist = "lognormal", control = survreg.control(maxiter = 200, rel.tolerance = 1e-14)))
  }
  if (!weighted) {
    d$fe <- factor(d$event, 0:2)
    rows <- if (late) finegray(Surv(entry, t, fe) ~ x + age + sex, d, id = own) else finegray(Surv(t, fe) ~ x + age + sex, d)
    rows$row <- seq_len(nrow(rows))
    out$finegray <- both(coxph(Surv(fgstart, fgstop, fgstatus) ~ x + age + sex, rows, weights = fgwt, cluster = row, control = control))
  }
  out
}

designs <- list(list("rare", 900), list("years", 700), list("late", 700), list("stratum", 300), list("weights", 700), list("units", 700), list("five", 700))
write(toJSON(lapply(designs, function(d) do.call(fit, d)), digits = I(15), auto_unbox = TRUE, pretty = FALSE), "hard.json")
