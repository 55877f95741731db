# Fits of given halves in R: RankNorm (Blom) within each half's complete cases, then lm or glm.
# People and proteins follow from sines, so that R and the tests have the same without a file.
n <- 9400
unit <- function(i, k) { x <- sin(i * 12.9898 + k * 78.233) * 43758.5453; x - floor(x) }
i <- seq_len(n)
people <- data.frame(
  age = 40 + 30 * unit(i, 1), site = c("a", "b", "c")[1 + floor(3 * unit(i, 2))],
  split = 1 + (unit(i, 3) < 0.5))
people$lo <- as.numeric(unit(i, 4) < 0.1 + 0.003 * (people$age - 40))
proteins <- sapply(1:5, function(j) {
  y <- qnorm(pmin(pmax(unit(i, 10 + j), 1e-6), 1 - 1e-6)) + (j - 2) * 0.1 * people$lo + 0.01 * people$age
  if (j == 5) y <- round(y, 1)
  y[unit(i, 20 + j) < 0.04 * j] <- NA
  y
})
rint <- function(x) qnorm((rank(x) - 0.375) / (length(x) + 0.25))
rows <- list()
for (half in 1:2) for (j in 1:5) for (family in c("linear", "logistic")) for (set in c("few", "full")) {
  d <- data.frame(people, y = proteins[, j])
  d <- d[d$split == half & !is.na(d$y), ]
  d$p <- rint(d$y)
  terms <- if (set == "few") "age" else "age + site"
  if (family == "linear") {
    fit <- summary(lm(as.formula(paste("p ~ lo +", terms)), d))$coefficients["lo", ]
  } else {
    fit <- summary(glm(as.formula(paste("lo ~ p +", terms)), binomial, d,
      control = list(epsilon = 1e-14, maxit = 100)))$coefficients["p", ]
  }
  rows[[length(rows) + 1]] <- sprintf(
    '{"half": %d, "protein": "P%d", "family": "%s", "adjustment": "%s", "n": %d, "estimate": %.15g, "se": %.15g}',
    half, j, family, set, nrow(d), fit[1], fit[2])
}
cat("[", paste(unlist(rows), collapse = ",\n"), "]\n", file = "halves.json")
