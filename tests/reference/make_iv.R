# What R's AER::ivreg gives for small and large designs of instrumental variables: run in this folder with
#   Rscript make_iv.R
# It writes iv.json. R 4.2.2, AER 1.2.10, sandwich 3.0.2, clubSandwich 0.5.8.
# The designs are made of whole numbers by rules that tests/models/iv_rules.py repeats to the bit, so
# that no data are stored.

suppressPackageStartupMessages({
  library(AER)
  library(sandwich)
  library(clubSandwich)
})

# numbers between -1 and 1: residues of a quadratic, exact in doubles
draw <- function(n, seed) {
  i <- seq_len(n)
  residue <- (i * i * 7919 + i * 104729 + seed * 15485863) %% 100003
  (2 * residue - 100002) / 100003
}

make <- function(n, q, strength, seed) {
  z <- sapply(seq_len(q), function(k) draw(n, seed + 10 * k))
  hidden <- draw(n, seed + 1)
  age <- draw(n, seed + 2)
  site <- (seq_len(n) * 7 + seed) %% 4
  x <- strength * rowSums(z) + 0.5 * age + hidden + draw(n, seed + 3)
  noise <- draw(n, seed + 4) * (1 + abs(z[, 1]))
  y <- 0.4 * x + 0.25 * age + hidden + 0.125 * (site == 2) + noise
  list(
    d = data.frame(y = y, x = x, age = age, site = factor(site), z),
    w = 1.5 + draw(n, seed + 5),
    g = (seq_len(n) * 13 + seed) %% 17
  )
}

number <- function(v) ifelse(is.na(v), "null", sprintf("%.17g", v))
array <- function(v) paste0("[", paste(number(v), collapse = ", "), "]")
entry <- function(n, q, strength, weighted, seed) {
  made <- make(n, q, strength, seed)
  z <- paste(paste0("X", seq_len(q)), collapse = " + ")
  if (q == 1) names(made$d)[5] <- "X1"
  d <- made$d
  formula <- as.formula(paste("y ~ x + age + site |", z, "+ age + site"))
  d$w <- if (weighted) made$w else 1
  fit <- if (weighted) ivreg(formula, data = d, weights = w) else ivreg(formula, data = d)
  s <- summary(fit, diagnostics = TRUE)
  se <- sqrt(c(
    vcov(fit)["x", "x"], vcovHC(fit, "HC0")["x", "x"], vcovHC(fit, "HC1")["x", "x"],
    vcovCR(fit, made$g, "CR0")["x", "x"], vcovCR(fit, made$g, "CR1")["x", "x"]
  ))
  coefs <- s$coefficients
  sprintf(
    paste0('  {"n": %d, "q": %d, "strength": %g, "weighted": %s, "seed": %d,\n',
           '   "estimate": %s, "se": %s, "p": %s,\n   "coefficients": %s, "errors": %s,\n',
           '   "statistic": %s, "df1": %s, "df2": %s, "p_value": %s}'),
    n, q, strength, tolower(weighted), seed, number(coefs["x", 1]), array(se), number(coefs["x", 4]),
    array(coefs[, 1]), array(coefs[, 2]), array(s$diagnostics[, "statistic"]),
    array(s$diagnostics[, "df1"]), array(s$diagnostics[, "df2"]), array(s$diagnostics[, "p-value"])
  )
}

designs <- expand.grid(
  n = c(40, 150, 900, 4500), q = c(1, 2, 4), strength = c(0.05, 0.5, 4), weighted = c(FALSE, TRUE)
)
lines <- vapply(seq_len(nrow(designs)), function(i) {
  with(designs[i, ], entry(n, q, strength, weighted, 1000L + 100L * i))
}, "")
writeLines(paste0("[\n", paste(lines, collapse = ",\n"), "\n]"), "iv.json")
