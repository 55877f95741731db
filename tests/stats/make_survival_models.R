# Additive hazards by timereg and accelerated failure times by survival on people that follow from
# formulas, which survival_designs.py repeats; writes survival_models.json beside this script.
# Run as: Rscript make_survival_models.R
suppressMessages({library(survival); library(timereg)})

part <- function(n, of) { v <- (1:n) * sqrt(of); v - floor(v) }

draw <- function(d) {
  n <- d$n
  x <- qnorm(part(n, 2)); z1 <- qnorm(part(n, 3)); z2 <- as.numeric(part(n, 5) < 0.4)
  time <- exp(1 + 0.2 * x - 0.3 * z1 + 0.4 * z2 + 0.7 * log(-log(part(n, 13)))) * d$unit
  end <- quantile(time, d$share, names = FALSE) * (0.7 + 0.6 * part(n, 7))
  out <- data.frame(exit = pmin(time, end), event = as.numeric(time <= end), x = x, z1 = z1, z2 = z2,
    entry = if (d$late) pmin(time, end) * pmax(0.6 * part(n, 11) - 0.2, 0) else 0,
    w = if (d$weighted) 0.5 + part(n, 17) else 1,
    group = if (d$clustered) floor(n / 4 * part(n, 19)) else 1:n,
    stratum = if (d$strata) floor(3 * part(n, 23)) else 0)
  if (d$ties) { out$exit <- ceiling(4 * out$exit / d$unit) / 4 * d$unit; out$entry <- floor(4 * out$entry / d$unit) / 4 * d$unit }
  out
}

number <- function(v) paste0("[", paste(ifelse(is.finite(v), formatC(v, digits = 16, format = "g", width = 1), "null"), collapse = ", "), "]")
rows <- function(M) paste0("[", paste(apply(M, 1, number), collapse = ", "), "]")

additive <- function(p, d) {
  if (d$ties) return("null")  # timereg breaks ties at random
  # timereg changes who is at risk when somebody leaves alone: cut at entries, so that somebody does
  if (d$late) p <- survSplit(Surv(entry, exit, event) ~ ., data = p, cut = setdiff(sort(unique(p$entry)), 0))
  left <- if (d$late) "Surv(entry, exit, event)" else "Surv(exit, event)"
  baseline <- if (d$strata) "-1 + factor(stratum) +" else ""
  # and centres nothing any more once one of the strata is empty
  last <- if (d$strata) min(tapply(p$exit, p$stratum, max)) else NULL
  f <- aalen(as.formula(paste(left, "~", baseline, "const(z1) + const(z2) + const(x)")), data = p, weights = p$w,
    clusters = p$group, n.sim = 0, robust = 1, max.clust = NULL, max.time = last)
  sprintf('{"estimate": %s, "classical": %s, "robust": %s}', number(f$gamma), rows(f$var.gamma), rows(f$robvar.gamma))
}

accelerated <- function(p, d) {
  if (d$late || d$strata) return("null")
  tight <- survreg.control(rel.tolerance = 1e-14, maxiter = 300)
  one <- function(dist) {
    f <- survreg(Surv(exit, event) ~ z1 + z2 + x, data = p, weights = w, dist = dist, control = tight)
    # survreg leaves the weights out of its robust variance: here they are in
    moves <- rowsum(residuals(f, type = "dfbeta", weighted = TRUE), p$group)
    b <- c(coef(f), if (dist != "exponential") log(f$scale))
    sprintf('"%s": {"estimate": %s, "classical": %s, "robust": %s, "log_likelihood": %s}', dist, number(b), rows(vcov(f)),
      rows(crossprod(moves)), formatC(f$loglik[2], digits = 16, format = "g"))
  }
  paste0("{", paste(sapply(c("weibull", "exponential", "lognormal", "loglogistic"), one), collapse = ",\n   "), "}")
}

write <- function(d) {
  p <- draw(d)
  flags <- sapply(d[c("late", "weighted", "clustered", "strata", "ties")], function(v) tolower(as.character(v)))
  sprintf(' {"n": %d, "share": %g, "unit": %g, %s,\n  "events": %d, "additive": %s,\n  "accelerated": %s}', d$n, d$share, d$unit,
    paste(sprintf('"%s": %s', names(flags), flags), collapse = ", "), sum(p$event), additive(p, d), accelerated(p, d))
}

design <- function(n, share = 0.5, unit = 1, late = FALSE, weighted = FALSE, clustered = FALSE, strata = FALSE, ties = FALSE)
  list(n = n, share = share, unit = unit, late = late, weighted = weighted, clustered = clustered, strata = strata, ties = ties)
designs <- list(
  design(80), design(600), design(3000), design(3000, share = 0.01), design(600, share = 0.95),
  design(600, weighted = TRUE), design(600, clustered = TRUE), design(3000, share = 0.05, weighted = TRUE, clustered = TRUE),
  design(200, late = TRUE), design(300, late = TRUE, weighted = TRUE, clustered = TRUE), design(600, strata = TRUE),
  design(600, strata = TRUE, weighted = TRUE, clustered = TRUE), design(200, late = TRUE, strata = TRUE, clustered = TRUE),
  design(600, unit = 1e-6), design(600, unit = 1e6, clustered = TRUE),
  design(600, ties = TRUE), design(3000, share = 0.02, ties = TRUE), design(3000, ties = TRUE, weighted = TRUE, clustered = TRUE))
lines <- paste(sapply(designs, write), collapse = ",\n")
writeLines(sprintf('{"R": "%s", "timereg": "%s", "survival": "%s",\n"cases": [\n%s\n]}', getRversion(), packageVersion("timereg"),
  packageVersion("survival"), lines), "survival_models.json")
