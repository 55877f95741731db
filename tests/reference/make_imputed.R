# Makes imputed_samples.csv (mice's long form), imputed_proteins.csv and imputed.json: scans pooled by mice::pool.
# Rscript make_imputed.R, in this folder; R 4.2 with mice 3.15.
library(mice)
set.seed(3)
n <- 120
m <- 4
age <- round(rnorm(n, 56, 8), 1)
sex <- rbinom(n, 1, 0.5)
bmi <- round(25 + 0.1 * (age - 56) + rnorm(n, 0, 4), 1)
lonely <- rbinom(n, 1, plogis(-0.5 + 0.05 * (bmi - 25)))
values <- round(sapply(1:4, function(j) 0.2 * lonely + 0.03 * (bmi - 25) * (j %% 2) + rnorm(n)), 3)
colnames(values) <- paste0("P", 1:4)
values[sample(n, 15), 2] <- NA
d <- data.frame(age, sex, bmi, lonely)
d$bmi[sample(n, 30)] <- NA
d$lonely[sample(n, 15)] <- NA
d$age[sample(n, 10)] <- NA
long <- complete(mice(d, m = m, printFlag = FALSE, seed = 1), "long", include = TRUE)
write.csv(long, "imputed_samples.csv", row.names = FALSE, quote = FALSE, na = "")
write.csv(data.frame(ID = 1:n, values), "imputed_proteins.csv", row.names = FALSE, quote = FALSE, na = "")

long <- read.csv("imputed_samples.csv")
values <- as.matrix(read.csv("imputed_proteins.csv")[, -1])
rank_normal <- function(x) qnorm((rank(x, ties.method = "average") - 0.375) / (length(x) + 0.25))
imputed <- function(j) lapply(1:m, function(i) {
  d <- na.omit(data.frame(subset(long, .imp == i), p = values[, j]))
  d$p <- rank_normal(d$p)
  d
})
# glm's errors are of the weights before its last step: taken once more at the estimate
tight <- function(d) {
  fit <- glm(lonely ~ p + age + sex + bmi, binomial, d, epsilon = 1e-15, maxit = 100)
  glm(formula(fit), binomial, d, start = coef(fit), epsilon = 1e-15, maxit = 100)
}
fits <- list(
  linear = function(d) lm(p ~ lonely + age + sex + bmi, d),
  logistic = tight
)
term <- c(linear = "lonely", logistic = "p")
as_json <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
scan <- function(name) {
  table <- t(sapply(1:4, function(j) {
    pooled <- pool(as.mira(lapply(imputed(j), fits[[name]])))
    row <- summary(pooled)
    at <- which(row$term == term[[name]])
    c(estimate = row$estimate[at], se = row$std.error[at], df = row$df[at], p_value = row$p.value[at], fmi = pooled$pooled$fmi[at])
  }))
  columns <- sprintf('    "%s": %s', colnames(table), apply(table, 2, as_json))
  sprintf('  "%s": {\n%s\n  }', name, paste(columns, collapse = ",\n"))
}
body <- c(sprintf('  "mice": "%s"', packageVersion("mice")), vapply(names(fits), scan, ""))
writeLines(paste0("{\n", paste(body, collapse = ",\n"), "\n}"), "imputed.json")
