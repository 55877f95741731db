# Linear fits with the options of limma, of weights, of absorbed effects, and CR2 of logistic ones, on data of our own:
# writes linear_options_samples.csv, linear_options_proteins.csv and linear_options.json.
# R with limma, statmod, survey, sandwich and clubSandwich; run it in this folder.
suppressMessages({
  library(limma); library(survey); library(sandwich); library(clubSandwich)
})
set.seed(20261)
n <- 72
proteins <- 30
samples <- data.frame(
  ID = sprintf("S%02d", seq_len(n)), sex = rbinom(n, 1, 0.5), age = round(rnorm(n, 60, 8), 1),
  smoking = sample(c("Never", "Past", "Current"), n, TRUE), family = sprintf("F%02d", sample(30, n, TRUE)),
  half = rep(c("a", "b"), length.out = n), centre = sample(c("L", "M", "N", "O"), n, TRUE),
  precision = round(runif(n, 0.3, 3), 2), copies = sample(0:4, n, TRUE), cluster = sample(9, n, TRUE)
)
samples$ill <- rbinom(n, 1, plogis(-0.3 + 0.5 * samples$sex))
average <- rnorm(proteins, 8, 2)
spread <- sqrt(exp(0.1 * average) / rchisq(proteins, 8) * 8)
spread[1:2] <- spread[1:2] * 8
shared <- matrix(rnorm(30 * proteins), 30)[as.integer(factor(samples$family, sprintf("F%02d", 1:30))), ]
values <- sapply(seq_len(proteins), function(j) {
  average[j] + 0.5 * samples$sex * (j %% 4 == 0) + 0.02 * samples$age + spread[j] * (rnorm(n) + 0.6 * shared[, j])
})
values[matrix(runif(n * proteins) < 0.06, n)] <- NA
values[, 11:16] <- ifelse(is.na(values[, 11:16]), 8.5, values[, 11:16]) # complete
colnames(values) <- sprintf("P%02d", seq_len(proteins))
write.csv(samples, "linear_options_samples.csv", row.names = FALSE, quote = FALSE)
write.csv(data.frame(ID = samples$ID, round(values, 4)), "linear_options_proteins.csv", row.names = FALSE, quote = FALSE, na = "")

# from here on the files are what counts
samples <- read.csv("linear_options_samples.csv")
values <- as.matrix(read.csv("linear_options_proteins.csv")[, -1])
M <- t(values)
cases <- list()
keep <- function(name, ...) cases[[name]] <<- list(...)
moderated <- function(fit, e, column) {
  list(estimate = unname(fit$coefficients[, column]), t = unname(e$t[, column]), p = unname(e$p.value[, column]),
    df = e$df.total, s2_prior = rep_len(e$s2.prior, nrow(M)), df_prior = rep_len(e$df.prior, nrow(M)))
}
X <- model.matrix(~ sex + age + smoking, samples)
fit <- lmFit(M, X)
for (kind in c("plain", "trend", "robust", "trend-robust")) {
  cases[[kind]] <- moderated(fit, eBayes(fit, trend = grepl("trend", kind), robust = grepl("robust", kind)), "sex")
}
fit <- lmFit(M, X, weights = matrix(samples$precision, nrow(M), n, byrow = TRUE))
cases$weights <- moderated(fit, eBayes(fit), "sex")
half <- samples$half == "b"
fit <- lmFit(M[, half], X[half, ])
cases$half <- moderated(fit, eBayes(fit), "sex")
products <- model.matrix(~ sex * smoking + age, samples)
fit <- lmFit(M[11:16, ], products) # complete: with missing values the F of contrasts.fit is approximate
whole <- eBayes(lmFit(M, products))
both <- grep(":", colnames(products))
prior <- list(s2 = whole$s2.prior, df = whole$df.prior)
moderated_f <- function(fit, columns) {
  df <- fit$df.residual + prior$df
  s2 <- (fit$df.residual * fit$sigma^2 + prior$df * prior$s2) / df
  F <- sapply(seq_len(nrow(fit)), function(j) {
    b <- fit$coefficients[j, columns]
    drop(b %*% solve(fit$cov.coefficients[columns, columns], b)) / length(columns) / s2[j]
  })
  list(F = F, p = pf(F, length(columns), df, lower.tail = FALSE))
}
cases$products <- moderated_f(fit, both)

agreed <- duplicateCorrelation(M, X, block = samples$family)$consensus
fit <- lmFit(M, X, block = samples$family, correlation = agreed)
cases$block <- c(moderated(fit, eBayes(fit), "sex"), list(consensus = agreed))
W <- matrix(samples$precision, nrow(M), n, byrow = TRUE)
agreed <- duplicateCorrelation(M, X, block = samples$family, weights = W)$consensus
fit <- lmFit(M, X, block = samples$family, correlation = agreed, weights = W)
cases[["block weights"]] <- c(moderated(fit, eBayes(fit), "sex"), list(consensus = agreed))

# contrasts as coefficients, which are exact where values are missing
parametrised <- function(reference) model.matrix(~ relevel(factor(smoking), reference) + sex + age, samples)
for (pair in list(c("Past", "Current"), c("Never", "Past"))) {
  D <- parametrised(pair[2])
  fit <- lmFit(M, D)
  column <- grep(paste0("\\)", pair[1], "$"), colnames(D))
  cases[[paste(pair, collapse = " vs ")]] <- moderated(fit, eBayes(fit), column)
}
whole <- eBayes(lmFit(M, parametrised("Past")))
prior <- list(s2 = whole$s2.prior, df = whole$df.prior)
cases$contrasts <- moderated_f(lmFit(M[11:16, ], parametrised("Past")), 2:3)

single <- function(name, fit_one, count = 6) {
  rows <- t(sapply(seq_len(count), function(j) {
    d <- samples
    d$x <- values[, j]
    fit_one(d[!is.na(d$x), ])
  }))
  cases[[name]] <<- lapply(seq_len(ncol(rows)), function(k) rows[, k])
  names(cases[[name]]) <<- colnames(rows)
}
row_of <- function(m, term, se = NULL, df = m$df.residual, n = nobs(m)) {
  b <- unname(coef(m)[term])
  se <- if (is.null(se)) summary(m)$coefficients[term, 2] else se
  p <- if (is.na(df)) 2 * pnorm(-abs(b / se)) else 2 * pt(-abs(b / se), df)
  c(n = n, estimate = b, se = se, df = df, p = p)
}
repeated <- function(d) d[rep(seq_len(nrow(d)), d$copies), ]
tight <- function(formula, d, ...) {
  # once more from the maximum, since glm's errors are those of the step before the last
  m <- glm(formula, binomial, d, control = glm.control(epsilon = 1e-14, maxit = 100), ...)
  suppressWarnings(glm(formula, binomial, d, start = coef(m), control = glm.control(epsilon = 1e-16, maxit = 2), ...))
}
single("linear frequency classical", function(d) row_of(lm(x ~ sex + age, repeated(d)), "sex"))
for (h in c("HC0", "HC1", "HC2", "HC3")) {
  single(paste("linear frequency", h), function(d) {
    m <- lm(x ~ sex + age, repeated(d))
    row_of(m, "sex", sqrt(vcovHC(m, h)["sex", "sex"]))
  })
  single(paste("logistic frequency", h), function(d) {
    m <- tight(ill ~ x + age, repeated(d))
    row_of(m, "x", sqrt(vcovHC(m, h)["x", "x"]), NA)
  })
}
single("logistic frequency classical", function(d) row_of(tight(ill ~ x + age, repeated(d)), "x", df = NA))
single("linear sampling linearised", function(d) row_of(svyglm(x ~ sex + age, svydesign(~1, weights = ~precision, data = d)), "sex"))
single("linear sampling CR1", function(d) {
  m <- svyglm(x ~ sex + age, svydesign(~cluster, weights = ~precision, data = d))
  row_of(m, "sex", df = length(unique(d$cluster)) - 1)
})
survey_logistic <- function(d, ids) {
  design <- svydesign(ids, weights = ~precision, data = d)
  m <- svyglm(ill ~ x + age, design, family = quasibinomial, control = glm.control(epsilon = 1e-14, maxit = 100))
  row_of(m, "x", df = NA)
}
single("logistic sampling linearised", function(d) survey_logistic(d, ~1))
single("logistic sampling CR1", function(d) survey_logistic(d, ~cluster))
single("logistic CR2", function(d) {
  m <- tight(ill ~ x + age, d)
  k <- coef_test(m, vcovCR(m, cluster = d$cluster, type = "CR2"), test = "Satterthwaite")["x", ]
  c(n = nrow(d), estimate = k$beta, se = k$SE, df = k$df, p = k$p_Satt)
})
single("absorb family", function(d) row_of(lm(x ~ sex + age + family, d), "sex"))
single("absorb family centre", function(d) row_of(lm(x ~ sex + age + family + centre, d), "sex"))
single("absorb family weights", function(d) row_of(lm(x ~ sex + age + family, d, weights = precision), "sex"))
for (h in c("HC1", "HC3")) {
  single(paste("absorb centre", h), function(d) {
    m <- lm(x ~ sex + age + centre, d)
    row_of(m, "sex", sqrt(vcovHC(m, h)["sex", "sex"]))
  })
}
single("absorb family CR1", function(d) {
  m <- lm(x ~ sex + age + family, d)
  row_of(m, "sex", sqrt(vcovCR(m, d$family, "CR1")["sex", "sex"]), length(unique(d$family)) - 1)
})

# priors alone, of few and many variances
set.seed(20262)
for (p in c(1, 2, 3, 6, 40)) {
  for (mixed in c(FALSE, TRUE)) {
    df <- if (mixed) sample(3:40, p, TRUE) else rep(4000, p)
    covariate <- round(rnorm(p, 8, 2), 3)
    s2 <- signif(exp(0.1 * covariate) * rchisq(p, df) / df / (if (mixed) rchisq(p, 6) / 6 else 1), 7)
    if (p > 5) s2[1] <- 60 * s2[1]
    of <- list(s2 = s2, df = df, over = covariate)
    for (robust in c(FALSE, TRUE)) for (trend in c(FALSE, TRUE)) {
      if (robust && p == 2) next # an error in limma 3.54
      found <- suppressWarnings(squeezeVar(s2, df, covariate = if (trend) covariate, robust = robust))
      kind <- paste0(if (trend) "trend" else "", if (trend && robust) "-" else "", if (robust) "robust" else if (trend) "" else "plain")
      of[[kind]] <- list(variance = rep_len(found$var.prior, p), df = rep_len(found$df.prior, p), post = found$var.post)
    }
    cases[[sprintf("prior %d%s", p, if (mixed) " mixed" else "")]] <- of
  }
}
number <- function(x) ifelse(is.na(x), "null", ifelse(is.infinite(x), "\"Inf\"", sprintf("%.12g", x)))
as_json <- function(x) {
  if (is.list(x)) return(paste0("{", paste(sprintf("\"%s\": %s", names(x), vapply(x, as_json, "")), collapse = ", "), "}"))
  paste0("[", paste(number(x), collapse = ", "), "]")
}
version <- paste(R.version$major, R.version$minor, sep = ".")
lines <- sprintf("\"%s\": %s", names(cases), vapply(cases, as_json, ""))
writeLines(paste0("{\n\"R\": \"", version, "\",\n", paste(lines, collapse = ",\n"), "\n}"), "linear_options.json")
