# Curves of people with a row for each spell, who may change group, have gaps or several events, by
# the R package survival; data follow from formulas, which test_spell_curves.py repeats. Writes
# spell_curves.json beside this script.
# Run as: Rscript make_spell_curves.R
suppressMessages({library(survival); library(jsonlite)})

draw <- function(n, k) { v <- (1:n) * sqrt(c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29)[k]); v - floor(v) }

make <- function(kind, n = 80) {
  end <- 2 + 8 * draw(n, 1); event <- as.numeric(draw(n, 2) < 0.6)
  cut <- 0.2 + 0.6 * draw(n, 3); g <- as.numeric(draw(n, 4) < 0.5)
  first <- data.frame(id = 1:n, start = 0, stop = end * cut, event = 0, g = g)
  last <- data.frame(id = 1:n, start = end * cut, stop = end, event = event, g = g)
  if (kind == "moved") last$g <- pmax(g, as.numeric(draw(n, 5) < 0.5))
  if (kind == "gaps") last$start <- ifelse(draw(n, 6) < 0.5, last$start, last$start + 0.3 * (end - last$start))
  if (kind == "again") first$event <- as.numeric(draw(n, 7) < 0.3)
  rbind(last, first)
}

fit <- function(kind) {
  d <- make(kind); y <- Surv(d$start, d$stop, d$event)
  f <- survfit(y ~ g, d, id = d$id)
  test <- coxph(y ~ factor(g), d, id = d$id, ties = "breslow")
  curves <- lapply(0:1, function(k) {
    s <- summary(f[k + 1])
    list(time = s$time, n = s$n.risk, survival = s$surv, se = s$std.err, low = s$lower, high = s$upper)
  })
  robust <- !is.null(test$rscore)
  list(kind = kind, robust = robust, curves = curves, statistic = as.numeric(if (robust) test$rscore else test$score),
    people = c(length(unique(d$id[d$g == 0])), length(unique(d$id[d$g == 1]))), events = unname(tapply(d$event, d$g, sum)))
}

write(toJSON(lapply(c("whole", "moved", "gaps", "again"), fit), digits = I(15), auto_unbox = TRUE), "spell_curves.json")
