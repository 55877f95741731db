# Makes a small cohort and what R's glm and lm give for each of its proteins: run in this folder with
#   Rscript make_scans.R
# It writes scans_samples.csv, scans_proteins.csv, scans_timegap.csv and scans.json.
# Base R, and lme4 with lmerTest for the mixed family. Site D has no case, site E two people; proteins are missing at random, one on a whole site.

set.seed(20250101, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
n <- 230
proteins <- 8
samples <- data.frame(
  ID = sprintf("S%03d", seq_len(n)),
  age = round(rnorm(n, 56, 8), 1),
  sex = rbinom(n, 1, 0.5),
  site = c("E", "E", sample(c("A", "B", "C", "D"), n - 2, replace = TRUE)),
  edu = sample(c("low", "middle", "high"), n, replace = TRUE)
)
values <- round(matrix(rnorm(n * proteins, 5, 1), n), 4)
values[, 2] <- round(values[, 2], 1)
eta <- -1 + 0.8 * (values[, 1] - 5) + 0.03 * (samples$age - 56)
samples$lonely <- rbinom(n, 1, plogis(eta))
samples$lonely[samples$site == "D"] <- 0
samples$lonely[1:2] <- c(0, 1)
samples$age[c(11, 57)] <- NA
samples$edu[c(5, 90, 91)] <- NA
values[matrix(runif(n * proteins) < 0.08, n)] <- NA
values[samples$site == "B" & runif(n) < 0.9, 3] <- NA
values[samples$site == "E", 4] <- NA
values[runif(n) < 0.5, 5] <- NA
values[, 6] <- exp(values[, 6])
timegap <- round(matrix(runif(n * proteins, 0.5, 4), n), 3)
timegap[matrix(runif(n * proteins) < 0.03, n)] <- NA
colnames(values) <- colnames(timegap) <- sprintf("P%d", seq_len(proteins))

write.csv(samples, "scans_samples.csv", row.names = FALSE, quote = FALSE, na = "")
write.csv(data.frame(ID = samples$ID, values), "scans_proteins.csv", row.names = FALSE, quote = FALSE, na = "")
write.csv(data.frame(ID = samples$ID, timegap), "scans_timegap.csv", row.names = FALSE, quote = FALSE, na = "")

# from here on the files are what counts
samples <- read.csv("scans_samples.csv", na.strings = "")
values <- as.matrix(read.csv("scans_proteins.csv")[, -1])
timegap <- as.matrix(read.csv("scans_timegap.csv")[, -1])

rank_normal <- function(x) qnorm((rank(x, ties.method = "average") - 0.375) / (length(x) + 0.25))
complete <- function(j, covariates) {
  d <- na.omit(data.frame(samples[, c("lonely", covariates)], x = values[, j], timegap = timegap[, j]))
  d$x <- rank_normal(d$x)
  d
}
tight <- glm.control(epsilon = 1e-14, maxit = 100)
# of each family the adjustment set as proteomr has it, and one row of numbers for a protein
adjust <- list(
  logistic = "timegap + age + sex + C(site)",
  linear = "timegap + age + sex + C(site) + C(edu)",
  iv = "timegap + age + sex + C(site)",
  mixed = "timegap + age + sex",
  multinomial = "timegap + age + sex + C(site)"
)
# what a family is asked for beside: instruments, random effects
beside <- list(iv = '"instruments": ["C(edu)"]', mixed = '"random": ["1|site"]')
fits <- list(
  logistic = function(j) {
    d <- complete(j, c("age", "sex", "site"))
    fit <- glm(lonely ~ x + timegap + age + sex + factor(site), binomial, d, control = tight)
    # the standard error is taken once more, from the weights at the estimate itself
    X <- model.matrix(fit)
    X <- X[, !is.na(coef(fit))]
    mu <- fitted(fit)
    R <- qr.R(qr(X * sqrt(mu * (1 - mu)), tol = 1e-30))
    where <- which(colnames(X) == "x")
    se <- sqrt(chol2inv(R)[where, where])
    c(n = nrow(d), estimate = unname(coef(fit)["x"]), se = se, p = 2 * pnorm(-abs(unname(coef(fit)["x"]) / se)))
  },
  linear = function(j) {
    d <- complete(j, c("age", "sex", "site", "edu"))
    row <- summary(lm(x ~ lonely + timegap + age + sex + factor(site) + factor(edu), d))$coefficients["lonely", ]
    c(n = nrow(d), estimate = row[[1]], se = row[[2]], p = row[[4]])
  },
  # two-stage least squares: the first stage's fitted values, residuals of the exposure itself
  iv = function(j) {
    d <- complete(j, c("age", "sex", "site", "edu"))
    d$fitted <- fitted(lm(lonely ~ timegap + age + sex + factor(site) + factor(edu), d))
    second <- lm(x ~ fitted + timegap + age + sex + factor(site), d)
    b <- coef(second)[["fitted"]]
    rss <- sum((resid(second) - b * (d$lonely - d$fitted))^2)
    df <- second$df.residual
    se <- sqrt(rss / df * summary(second)$cov.unscaled["fitted", "fitted"])
    c(n = nrow(d), estimate = b, se = se, p = 2 * pt(-abs(b / se), df))
  },
  mixed = function(j) {
    d <- complete(j, c("age", "sex", "site"))
    # lme4 stops early by default
    control <- lme4::lmerControl(calc.derivs = FALSE, boundary.tol = 0, optCtrl = list(
      xtol_abs = 1e-13, xtol_rel = 1e-13, ftol_abs = 0, ftol_rel = 0, maxeval = 1e5))
    fit <- suppressMessages(lmerTest::lmer(x ~ lonely + timegap + age + sex + (1 | site), d, control = control))
    row <- coef(summary(fit))["lonely", ]
    c(n = nrow(d), estimate = row[[1]], se = row[[2]], p = row[[5]])
  }
)
# of two levels it is the same likelihood; of more see make_groups.R
fits$multinomial <- fits$logistic
# two levels in their order are two levels
adjust$ordinal <- adjust$logistic
fits$ordinal <- fits$logistic
as_json <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
scan <- function(name) {
  table <- t(sapply(seq_len(proteins), fits[[name]]))
  columns <- sprintf('    "%s": %s', colnames(table), apply(table, 2, as_json))
  extra <- if (is.null(beside[[name]])) character() else paste0("    ", beside[[name]])
  columns <- c(sprintf('    "adjust": "%s"', adjust[[name]]), extra, columns)
  sprintf('  "%s": {\n%s\n  }', name, paste(columns, collapse = ",\n"))
}
version <- paste(R.version$major, R.version$minor, sep = ".")
body <- c(sprintf('  "R": "%s"', version), vapply(names(fits), scan, ""))
writeLines(paste0("{\n", paste(body, collapse = ",\n"), "\n}"), "scans.json")
