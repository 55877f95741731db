# Makes chained.csv and chained.json: missing covariates imputed by mice's chained equations.
# Rscript make_chained.R, in this folder; R 4.2 with mice 3.15.
library(mice)
set.seed(11)
n <- 300; m <- 150
age <- round(runif(n, 40, 70), 1)
sex <- rbinom(n, 1, 0.5)
education <- factor(sample(c("age16", "age18", "college", "none"), n, TRUE, c(0.2, 0.3, 0.35, 0.15)))
income <- rbinom(n, 1, plogis(-3 + 0.04 * age + 0.8 * (education == "college") + 0.4 * sex))
bmi <- 22 + 0.08 * age + 1.5 * sex - 1.2 * income + 1.0 * (education == "none") + rnorm(n, 0, 3)
npx <- 0.10 * bmi + 0.02 * age - 0.3 * income + 0.4 * (education == "age16") + rnorm(n)
holes <- function(x, by) { x[runif(n) < plogis(by)] <- NA; x }
d <- data.frame(
  age = age, sex = sex, bmi = holes(bmi, -2.2 + 0.03 * (age - 55) + 0.6 * npx / sd(npx) - 1),
  income = holes(income, -1.3 + 0.5 * sex), education = holes(education, -1.6 + 0.02 * (age - 55)), npx = npx)
d$income <- factor(d$income)
write.csv(cbind(ID = seq_len(n), d), "chained.csv", row.names = FALSE, na = "", quote = FALSE)
done <- mice(d, m = m, maxit = 5, printFlag = FALSE, seed = 1)
long <- complete(done, "long")
lost <- is.na(d)
of <- function(name, f) sapply(seq_len(m), function(i) f(long[long$.imp == i, name][lost[, name]]))
told <- function(values) sprintf('{"mean": %.10g, "sd": %.10g}', mean(values), sd(values))
parts <- c(
  sprintf('"bmi mean": %s', told(of("bmi", mean))),
  sprintf('"bmi sd": %s', told(of("bmi", sd))),
  sprintf('"income 1": %s', told(of("income", function(v) mean(v == "1")))),
  sapply(levels(d$education), function(l) sprintf('"education %s": %s', l, told(of("education", function(v) mean(v == l))))))
fits <- with(done, lm(npx ~ age + sex + bmi + income + education))
pooled <- pool(fits)$pooled
values <- sapply(fits$analyses, coef)
listed <- function(v) paste(sprintf("%.10g", v), collapse = ", ")
body <- c(
  sprintf('  "mice": "%s"', packageVersion("mice")), sprintf('  "m": %d', m),
  sprintf('  "imputed": {%s}', paste(parts, collapse = ",\n    ")),
  sprintf('  "terms": [%s]', paste(sprintf('"%s"', as.character(pooled$term)), collapse = ", ")),
  sprintf('  "estimate": [%s]', listed(pooled$estimate)),
  sprintf('  "spread": [%s]', listed(apply(values, 1, sd))),
  sprintf('  "se": [%s]', listed(sqrt(pooled$t))),
  sprintf('  "fmi": [%s]', listed(pooled$fmi)))
writeLines(c("{", paste(body, collapse = ",\n"), "}"), "chained.json")
