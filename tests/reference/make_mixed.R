# What lme4, lmerTest and pbkrtest give for repeated measures made by formulas, which
# tests/models/test_mixed_r.py makes again: run in this folder with
#   Rscript make_mixed.R
# It writes mixed.json. lme4's optimiser has no derivatives: its tolerances are set as low as it goes.

suppressMessages({library(lmerTest); library(pbkrtest)})

# numbers between 0 and 1 that are the same in every language: whole numbers below 2^53 alone
u <- function(k, i) ((i * (2 * k + 1) * 7919 + k * 104729 + i * i * 31) %% 10007) / 10007
noise <- function(k, i) u(k, i) + u(k + 50, i) + u(k + 90, i) - 1.5

make <- function(people, visits, uneven, missing, spread, slope, weighted = FALSE) {
  i <- seq_len(people) - 1
  sizes <- if (uneven) 1 + floor(u(1, i) * visits) else rep(visits, people)
  person <- rep(i, sizes)
  time <- sequence(sizes) - 1
  row <- seq_along(person) - 1
  d <- data.frame(
    person = person, time = time, age = 50 + 10 * u(2, person), bmi = 27 + 4 * noise(3, row),
    treated = as.numeric(u(4, person) < 0.5), visit = pmin(time, 2),
    arm = c("a", "b", "c")[1 + floor(3 * u(5, person))], site = floor(person / 5), plate = floor(6 * u(6, row))
  )
  d$y <- 0.4 * d$treated + 0.02 * d$age + 0.1 * time + spread * noise(7, person) +
    slope * time * (noise(8, person) + 0.3 * noise(7, person)) + noise(9, row) + 0.3 * noise(10, d$plate)
  d$y[u(11, row) < missing] <- NA
  d$w <- if (weighted) 0.1 + 4 * u(12, row)^3 else 1
  d
}
control <- lmerControl(calc.derivs = FALSE, optCtrl = list(
  xtol_abs = 1e-13, xtol_rel = 1e-13, ftol_abs = 0, ftol_rel = 0, maxeval = 1e5))

designs <- list(
  balanced = list(40, 3, FALSE, 0, 1, 0), uneven = list(60, 4, TRUE, 0, 1, 0),
  missing = list(50, 4, FALSE, 0.2, 1.5, 0), singular = list(40, 3, FALSE, 0, 0, 0),
  few = list(6, 5, FALSE, 0.1, 1, 0), large = list(1500, 3, FALSE, 0.1, 1, 0),
  rising = list(40, 4, FALSE, 0, 1, 0.5), rising_missing = list(60, 5, TRUE, 0.1, 1, 0.5),
  rising_large = list(1500, 3, FALSE, 0.1, 1, 0.5), flat = list(40, 4, FALSE, 0, 1, 0),
  weighted = list(40, 3, FALSE, 0, 1, 0, TRUE), weighted_missing = list(60, 4, TRUE, 0.2, 1, 0, TRUE),
  weighted_large = list(1500, 3, FALSE, 0.1, 1, 0, TRUE), weighted_rising = list(60, 5, TRUE, 0.1, 1, 0.5, TRUE)
)
models <- list(
  intercept = list(y ~ age + time + treated + (1 | person), "treated"),
  within = list(y ~ age + bmi + time + (1 | person), "time"),
  products = list(y ~ age + factor(visit) + treated + treated:factor(visit) + (1 | person),
    c("treated", "factor(visit)1:treated", "factor(visit)2:treated")),
  arms = list(y ~ age + time + arm + (1 | person), c("armb", "armc")),
  outcome = list(bmi ~ age + time + y + (1 | person), "y"),
  slope = list(y ~ age + time + (time | person), "time"),
  slope_treated = list(y ~ time + treated + treated:time + (time | person), c("treated", "time:treated")),
  crossed = list(y ~ age + treated + (1 | person) + (1 | plate), "treated"),
  nested = list(y ~ age + treated + (1 | site / person), "treated")
)
cases <- c(
  paste(rep(c("balanced", "uneven", "missing", "singular", "few", "large"), each = 5),
    c("intercept", "within", "products", "arms", "outcome")),
  paste(rep(c("rising", "rising_missing", "rising_large", "flat"), each = 2), c("slope", "slope_treated")),
  paste(rep(c("balanced", "missing"), each = 2), c("crossed", "nested")),
  paste(rep(c("weighted", "weighted_missing"), each = 7), c("intercept", "within", "products", "arms", "outcome", "crossed", "nested")),
  paste("weighted_large", c("intercept", "within", "outcome")), paste("weighted_rising", c("slope", "slope_treated"))
)
number <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
fit <- function(case, ddf) {
  parts <- strsplit(case, " ")[[1]]
  d <- do.call(make, designs[[parts[1]]])
  model <- models[[parts[2]]]
  m <- suppressWarnings(suppressMessages(lmer(model[[1]], d, weights = w, control = control)))
  # columns that others determine are left out of lme4's own
  rows <- coef(summary(m, ddf = ddf))[model[[2]], , drop = FALSE]
  tested <- if (parts[2] == "products") model[[2]][-1] else model[[2]]
  joint <- if (parts[2] %in% c("products", "arms")) {
    L <- diag(length(fixef(m)))[match(tested, names(fixef(m))), , drop = FALSE]
    x <- contestMD(m, L, ddf = ddf)
    c(x[["F value"]], x[["NumDF"]], x[["Pr(>F)"]])
  } else numeric()
  v <- as.data.frame(VarCorr(m))
  v <- v[is.na(v$var2), ]
  values <- list(n = nobs(m), estimate = rows[, 1], se = rows[, 2], df = rows[, 3], p = rows[, 5], joint = joint,
    reml = REMLcrit(m), variance = v$vcov[v$grp != "Residual" & v$var1 == "(Intercept)"],
    residual = sigma(m)^2, singular = as.numeric(isSingular(m)))
  inner <- paste(sprintf('"%s": %s', names(values), vapply(values, number, "")), collapse = ", ")
  sprintf('  "%s %s": {%s}', case, if (ddf == "Satterthwaite") "satterthwaite" else "kr", inner)
}
# every coefficient, beside a year from 2000 on: its intercept is a contrast of the fit from 0 on, since lme4
# loses six digits in the year 0
tell_all <- function(design, random) {
  d <- do.call(make, designs[[design]])
  f <- as.formula(paste("y ~ age + time + treated + treated:bmi + bmi +", random))
  m <- suppressWarnings(suppressMessages(lmer(f, d, weights = w, control = control)))
  rows <- coef(summary(m))
  rows[1, ] <- as.numeric(contest1D(m, c(1, 0, -2000, 0, 0, 0)))
  names <- paste0('"', sub("time", "year", rownames(rows)), '"', collapse = ", ")
  sprintf('  "all %s": {"names": [%s], "estimate": %s, "se": %s, "df": %s, "p": %s}', design, names,
    number(rows[, 1]), number(rows[, 2]), number(rows[, 3]), number(rows[, 5]))
}
lines <- c(
  sprintf('  "R": "%s", "lme4": "%s", "lmerTest": "%s", "pbkrtest": "%s"', getRversion(),
    packageVersion("lme4"), packageVersion("lmerTest"), packageVersion("pbkrtest")),
  vapply(cases, fit, "", ddf = "Satterthwaite"),
  tell_all("uneven", "(1 | person)"), tell_all("missing", "(1 | person)"),
  tell_all("weighted_missing", "(1 | person)"),
  # pbkrtest takes the weights of its rows for 1
  vapply(grep("large|weighted", cases, invert = TRUE, value = TRUE), fit, "", ddf = "Kenward-Roger")
)
writeLines(paste0("{\n", paste(lines, collapse = ",\n"), "\n}"), "mixed.json")
