# Funnels of effects in clusters, and the mean without one effect, by metafor and clubSandwich: writes
# dependent_studies.json; run in this folder.
suppressMessages({library(metafor); library(clubSandwich)})
d <- data.frame(
  cluster = rep(letters[1:6], length.out = 14),
  se = c(.109, .333, .185, .165, .261, .262, .094, .153, .252, .271, .229, .227, .237, .245),
  y = c(.5054, .1734, .4891, -.0237, -.0649, .5085, .4891, -.0558, .342, .1313, -.2934, .0603, .3662, .3631))
d$v <- d$se^2
number <- function(v) paste0("[", paste(sprintf("%.15g", v), collapse = ", "), "]")
robust <- function(fit, cluster) {
  r <- as.data.frame(coef_test(fit, vcov = "CR2", cluster = cluster, test = "Satterthwaite"))
  sprintf('{"beta": %s, "se": %s, "df": %s}', number(r$beta), number(r$SE), number(r[[grep("^df", names(r))]])) }
tight <- list(threshold = 1e-14, maxiter = 10000)
levels <- function(fit) sprintf('{"beta": %s, "se": %s}', number(fit$beta), number(fit$se))
cases <- c(
  robust_egger = robust(rma(y, v, mods = ~ se, data = d, control = tight), d$cluster),
  robust_without = robust(rma(y, v, data = d[-5, ], control = tight), d$cluster[-5]),
  levels_egger = levels(rma.mv(y, v, mods = ~ se, random = ~ 1 | cluster / se, data = d)),
  levels_without = levels(rma.mv(y, v, random = ~ 1 | cluster / se, data = d[-5, ])))
writeLines(c("{", sprintf('  "%s": %s,', c("y", "se"), c(number(d$y), number(d$se))),
  paste(sprintf('  "%s": %s', names(cases), cases), collapse = ",\n"),
  sprintf('  , "r": "%s", "metafor": "%s", "clubSandwich": "%s"', getRversion(), packageVersion("metafor"), packageVersion("clubSandwich")), "}"),
  "dependent_studies.json")
