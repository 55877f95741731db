# Makes what R's lm and glm give for a grid of proteins and outcomes with missing values of their own:
# run in this folder with
#   Rscript make_phenome.R
# It writes phenome.json. Base R only. The cohort of 4,300 people is made by whole numbers, so that
# tests/association/phenome_cohort.py has the very same without a stored file.

n <- 4300
row <- seq_len(n)
modulus <- 67108859
# between 0 and 1, different for each column; every product is below 2^53
draw <- function(column) {
  x <- (row * 7919 + column * 104729) %% modulus
  for (round in 1:4) x <- (x * x + row + 4271 * column) %% modulus
  x / modulus
}
bell <- function(column) draw(column) + draw(column + 1000) + draw(column + 2000) - 1.5
lack <- function(x, column, share) replace(x, draw(column + 5000) < share, NA)

age <- 40 + 30 * draw(1)
sex <- floor(2 * draw(2))
site <- factor(floor(5 * draw(3)))
volume <- lack(1400 + 100 * bell(4), 4, 0.05)
proteins <- lapply(1:6, function(j) lack(bell(10 + j) + 0.01 * age, 10 + j, 0.03 * j))
y <- list(
  grip = lack(30 + bell(31) + 0.3 * bell(11) - 0.05 * age, 31, 0.01),
  memory = lack(exp(bell(32) + 0.2 * sex), 32, 0.12),
  hippocampus = lack(3 + bell(33) + 0.001 * ifelse(is.na(volume), 0, volume), 33, 0.65),
  pulse = lack(floor(60 + 8 * bell(34)), 34, 0.3),
  event = lack(as.numeric(bell(35) + 0.5 * bell(12) > 0.4), 35, 0.08)
)

rank_normal <- function(x) qnorm((rank(x, ties.method = "average") - 0.375) / (length(x) + 0.25))
transforms <- list(none = identity, log = log, rint = rank_normal, zscore = function(x) as.numeric(scale(x)))
tight <- glm.control(epsilon = 1e-14, maxit = 100)
rows <- list()
keep <- function(family, transform, protein, outcome, n, coefficients, df) {
  rows[[length(rows) + 1]] <<- data.frame(
    family = family, transform = transform, protein = sprintf("P%d", protein), outcome = outcome, n = n,
    estimate = coefficients[1], se = coefficients[2], df = df
  )
}
for (j in seq_along(proteins)) for (outcome in names(y)) {
  own <- outcome == "hippocampus"
  d <- data.frame(x = proteins[[j]], y = y[[outcome]], age, sex, site)
  if (own) d$volume <- volume
  d <- na.omit(d)
  d$x <- rank_normal(d$x)
  terms <- if (own) y ~ x + age + sex + site + volume else y ~ x + age + sex + site
  for (transform in names(transforms)) {
    if (outcome == "event" && transform != "none") next
    t <- d
    t$y <- transforms[[transform]](d$y)
    fit <- lm(terms, t)
    keep("linear", transform, j, outcome, nrow(d), summary(fit)$coefficients["x", 1:2], fit$df.residual)
  }
  if (outcome == "event") {
    fit <- glm(terms, binomial, d, control = tight)
    keep("logistic", "none", j, outcome, nrow(d), summary(fit)$coefficients["x", 1:2], NA)
  }
}
rows <- do.call(rbind, rows)
number <- function(x) ifelse(is.na(x), "null", vapply(x, function(v) format(v, digits = 17), ""))
columns <- vapply(names(rows), function(name) {
  values <- rows[[name]]
  cells <- if (is.numeric(values)) number(values) else sprintf("\"%s\"", values)
  sprintf("\"%s\": [%s]", name, paste(cells, collapse = ", "))
}, "")
writeLines(sprintf("{\"R\": \"%s.%s\", %s}", R.version$major, R.version$minor, paste(columns, collapse = ",\n")), "phenome.json")
