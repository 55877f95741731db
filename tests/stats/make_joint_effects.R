# Effects of variants by themselves and jointly, by lm() of R: joint_effects.csv and joint_effects.json.
# Rscript make_joint_effects.R in this folder.
library(jsonlite)
set.seed(20)
n <- 150
shared <- rnorm(n)
x <- sapply(1:5, function(j) pmin(2, pmax(0, round(1 + 0.6 * shared + 0.6 * rnorm(n)))))
colnames(x) <- paste0("x", 1:5)
y <- round(drop(x %*% c(0.4, -0.3, 0.2, 0, 0.1)) + rnorm(n), 6)
write.csv(data.frame(x, y = y), "joint_effects.csv", row.names = FALSE, quote = FALSE)
single <- t(sapply(1:5, function(j) coef(summary(lm(y ~ x[, j])))[2, 1:2]))
joint <- coef(summary(lm(y ~ x)))[-1, 1:2]
named <- function(m) list(estimate = unname(m[, 1]), se = unname(m[, 2]))
write(toJSON(list(r = R.version.string, single = named(single), joint = named(joint)),
             digits = NA, auto_unbox = TRUE, pretty = TRUE), "joint_effects.json")
