# Robust errors of pooled effects in clusters, by metafor and clubSandwich: writes clustered_effects.json; run in this folder.
suppressMessages({library(metafor); library(clubSandwich)})
set.seed(5)
cluster <- rep(1:9, c(1, 2, 3, 4, 5, 2, 3, 1, 3)); k <- length(cluster)
x <- round(rnorm(k), 3); v <- round(exp(rnorm(k, -2, 0.6)), 5)
y <- round(0.2 + 0.3 * x + 0.3 * rnorm(9)[cluster] + rnorm(k) * sqrt(v), 5)
number <- function(v) paste0("[", paste(sprintf("%.15g", v), collapse = ", "), "]")
robust <- function(fit) { r <- as.data.frame(coef_test(fit, vcov = "CR2", cluster = cluster, test = "Satterthwaite"))
  sprintf('{"tau2": %.15g, "beta": %s, "se": %s, "df": %s}', fit$tau2, number(r$beta), number(r$SE), number(r[[grep("^df", names(r))]])) }
cases <- c(FE = robust(rma(y, v, mods = ~ x, method = "FE")), SJ = robust(rma(y, v, mods = ~ x, method = "SJ")),
  mean = robust(rma(y, v, method = "DL")))
kind <- factor(c(1, 2, 3)[cluster %% 3 + 1])
joint <- Wald_test(rma(y, v, mods = ~ x + kind, method = "DL"), constraints = constrain_zero(2:4), vcov = "CR2",
  cluster = cluster, test = "HTZ")
cases <- c(cases, joint = sprintf('{"F": %.15g, "df": %.15g, "p": %.15g}', joint$Fstat, joint$df_denom, joint$p_val))
writeLines(c("{", sprintf('  "%s": %s,', c("y", "v", "x", "cluster"), c(number(y), number(v), number(x), number(cluster))),
  paste(sprintf('  "%s": %s', names(cases), cases), collapse = ",\n"),
  sprintf('  , "r": "%s", "metafor": "%s", "clubSandwich": "%s"', getRversion(), packageVersion("metafor"), packageVersion("clubSandwich")), "}"),
  "clustered_effects.json")
