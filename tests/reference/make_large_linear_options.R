# The options of linear models on 4,500 people, above every number of people at which a path is left: writes
# large_linear_options.json. The data are made by rules of whole numbers that the test repeats, so that numbers alone are
# stored. R with limma, survey, sandwich and clubSandwich; run it in this folder.
suppressMessages({
  library(limma); library(survey); library(sandwich); library(clubSandwich)
})
n <- 4500
proteins <- 24
i <- seq_len(n) - 1
spread <- function(a, b, m = 10007) (((i * a + b) * (i %% 89 + 7)) %% m) / m # from 0 to 1
samples <- data.frame(
  sex = as.integer(spread(7919, 13) < 0.45), age = 40 + 30 * spread(6133, 71),
  smoking = c("Current", "Never", "Past")[1 + floor(3 * spread(4517, 5))],
  house = floor(160 * spread(3571, 29)), centre = floor(9 * spread(2909, 17)), cluster = floor(40 * spread(1999, 3)),
  precision = 0.3 + floor(27 * spread(5003, 41)) / 10, copies = floor(4 * spread(6689, 19))
)
samples$ill <- as.integer(spread(4093, 7) < 0.2 + 0.1 * samples$sex)
values <- sapply(seq_len(proteins), function(j) {
  noise <- spread(7919 + 2 * j, 101 * j) + spread(5237 + 4 * j, 31 * j) + spread(3259 + 6 * j, 17 * j) - 1.5
  y <- 5 + j / 4 + (0.5 + (j * 37) %% 11 / 4) * (noise + 0.02 * samples$sex + 0.002 * (samples$house %% 13) * (j %% 3))
  y[(i * (2 * j + 1) + j) %% 23 == 0 & j %% 4 != 0] <- NA
  y
})
colnames(values) <- sprintf("P%02d", seq_len(proteins))
M <- t(values)
cases <- list()
moderated <- function(fit, column, ...) {
  e <- eBayes(fit, ...)
  list(estimate = unname(fit$coefficients[, column]), t = unname(e$t[, column]), df = e$df.total, p = unname(e$p.value[, column]))
}
X <- model.matrix(~ sex + age + smoking, samples)
for (kind in c("plain", "trend", "robust", "trend-robust")) {
  cases[[kind]] <- moderated(lmFit(M, X), "sex", trend = grepl("trend", kind), robust = grepl("robust", kind))
}
cases$weights <- moderated(lmFit(M, X, weights = matrix(samples$precision, nrow(M), n, byrow = TRUE)), "sex")
D <- model.matrix(~ relevel(factor(smoking), "Never") + sex + age, samples)
cases[["Past vs Never"]] <- moderated(lmFit(M, D), 3)
cases[["Current vs Never"]] <- moderated(lmFit(M, D), 2)
single <- function(name, fit_one, of = c(1, 4, 7)) {
  rows <- sapply(of, function(j) {
    d <- samples
    d$x <- values[, j]
    fit_one(d[!is.na(d$x), ])
  })
  cases[[name]] <<- list(estimate = rows[1, ], se = rows[2, ], df = rows[3, ])
}
row_of <- function(m, term, se = summary(m)$coefficients[term, 2], df = m$df.residual) c(coef(m)[term], se, df)
repeated <- function(d) d[rep(seq_len(nrow(d)), d$copies), ]
tight <- function(formula, d) {
  m <- glm(formula, binomial, d, control = glm.control(epsilon = 1e-14, maxit = 100))
  suppressWarnings(glm(formula, binomial, d, start = coef(m), control = glm.control(epsilon = 1e-16, maxit = 2)))
}
single("linear frequency classical", function(d) row_of(lm(x ~ sex + age, repeated(d)), "sex"))
single("linear frequency HC3", function(d) {
  m <- lm(x ~ sex + age, repeated(d))
  row_of(m, "sex", sqrt(vcovHC(m, "HC3")["sex", "sex"]))
})
single("linear sampling linearised", function(d) row_of(svyglm(x ~ sex + age, svydesign(~1, weights = ~precision, data = d)), "sex"))
single("logistic frequency classical", function(d) row_of(tight(ill ~ x + age, repeated(d)), "x", df = NA))
single("logistic frequency HC1", function(d) {
  m <- tight(ill ~ x + age, repeated(d))
  row_of(m, "x", sqrt(vcovHC(m, "HC1")["x", "x"]), NA)
})
single("logistic CR2", function(d) {
  m <- tight(ill ~ x + age, d)
  k <- coef_test(m, vcovCR(m, cluster = d$cluster, type = "CR2"), test = "Satterthwaite")["x", ]
  c(k$beta, k$SE, k$df)
}, of = 1)
single("absorb house", function(d) row_of(lm(x ~ sex + age + factor(house), d), "sex"))
single("absorb house centre", function(d) row_of(lm(x ~ sex + age + factor(house) + factor(centre), d), "sex"))
single("absorb house weights", function(d) row_of(lm(x ~ sex + age + factor(house), d, weights = precision), "sex"))
single("absorb house HC1", function(d) {
  m <- lm(x ~ sex + age + factor(house), d)
  row_of(m, "sex", sqrt(vcovHC(m, "HC1")["sex", "sex"]))
})
number <- function(x) ifelse(is.na(x), "null", ifelse(is.infinite(x), "\"Inf\"", sprintf("%.12g", x)))
as_json <- function(x) {
  if (is.list(x)) return(paste0("{", paste(sprintf("\"%s\": %s", names(x), vapply(x, as_json, "")), collapse = ", "), "}"))
  paste0("[", paste(number(x), collapse = ", "), "]")
}
cases$sums <- colSums(values, na.rm = TRUE)
lines <- sprintf("\"%s\": %s", names(cases), vapply(cases, as_json, ""))
version <- paste(R.version$major, R.version$minor, sep = ".")
writeLines(paste0("{\n\"R\": \"", version, "\",\n", paste(lines, collapse = ",\n"), "\n}"), "large_linear_options.json")
