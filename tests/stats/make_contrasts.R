# Genes of people in R 4.2.2 with nlme 3.1 and lmerTest 3.1: contrasts.json beside this script, with the
# data, which are drawn. Run in this folder: Rscript make_contrasts.R
suppressMessages({library(nlme); library(lmerTest); library(jsonlite)})
set.seed(21)
n <- 40; genes <- letters[1:6]
x <- round(rnorm(n), 3); age <- round(rnorm(n, 50, 9), 1)
Y <- round(0.15 * x + rnorm(n, 0, .4) + outer(rep(1, n), 5:10) + matrix(rnorm(6 * n), n) %*% diag(c(.4, .6, .8, 1, 1.3, .5)), 4)
long <- function(Y) { d <- data.frame(id = rep(seq_len(n), 6), g = rep(genes, each = n), x = rep(x, 6), age = rep(age, 6), y = c(Y))
  d[order(d$id, d$g), ] }
l <- long(Y)
told <- function(f) as.list(summary(f)$tTable["x", 1:3])
tight <- glsControl(tolerance = 1e-12, msTol = 1e-14, opt = "optim", maxIter = 500, msMaxIter = 500)
symmetric <- function(m) told(gls(y ~ 0 + g + age + x, l, correlation = corCompSymm(form = ~ 1 | id), method = m, control = tight))
variances <- function(m) { f <- gls(y ~ 0 + g + age + x, l, correlation = corCompSymm(form = ~ 1 | id), weights = varIdent(form = ~ 1 | g), method = m, control = tight)
  c(told(f), correlation = coef(f$modelStruct$corStruct, unconstrained = FALSE)[[1]], height = as.numeric(logLik(f))) }
mixed <- function(l) as.list(coef(summary(lmer(y ~ 0 + g + age + x + (1 | id), l, control = lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14)))))["x", ])
holes <- Y; holes[3, 2] <- NA; holes[7, c(1, 4)] <- NA; holes[20, 6] <- NA
write(toJSON(list(x = x, age = age, Y = Y, holes = holes, lm = as.list(coef(summary(lm(rowMeans(Y) ~ age + x)))["x", ]),
  mixed = mixed(l), mixed_holes = mixed(na.omit(long(holes))), gls = sapply(c("REML", "ML"), symmetric, simplify = FALSE),
  variances = sapply(c("REML", "ML"), variances, simplify = FALSE)), digits = 15, auto_unbox = TRUE, na = "null"), "contrasts.json")
