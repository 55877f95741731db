# Makes changes.json: nested estimates of chained.csv and the joint covariance of their influence.
# Rscript make_changes.R, in this folder; R 4.2 with sandwich 3.0.
library(sandwich)
d <- read.csv("chained.csv", na.strings = "")
d$w <- 1 + d$age / 50
d$centre <- d$ID %% 30
fit <- function(family, formula, data) {
  if (family == "linear") return(lm(formula, data, weights = w))
  control <- glm.control(1e-15, 100)
  once <- suppressWarnings(glm(formula, binomial, data, weights = w, control = control))
  suppressWarnings(glm(formula, binomial, data, weights = w, control = control, start = coef(once)))
}
influence_of <- function(f, at) (estfun(f) %*% bread(f) / nobs(f))[, at]
case <- function(family, added, weighted, clustered) {
  data <- d[complete.cases(d[, c("npx", "income", "age", "sex", added)]), ]
  if (!weighted) data$w <- 1
  left <- if (family == "linear") "npx ~ income + age + sex" else "income ~ npx + age + sex"
  at <- if (family == "linear") "income" else "npx"
  both <- list(fit(family, as.formula(left), data), fit(family, as.formula(paste(left, "+", added)), data))
  moves <- sapply(both, influence_of, at = at)
  if (clustered) moves <- rowsum(moves, data$centre)
  V <- crossprod(moves)
  b <- sapply(both, function(f) coef(f)[[at]])
  se <- sqrt(V[1, 1] + V[2, 2] - 2 * V[1, 2])
  z <- qnorm(0.975)
  roots <- polyroot(c(b[2]^2 - z^2 * V[2, 2], -2 * (b[1] * b[2] - z^2 * V[1, 2]), b[1]^2 - z^2 * V[1, 1]))
  shares <- sort(Re(roots)) - 1
  told <- c(n = nrow(data), estimate_base = b[1], estimate = b[2], change = b[2] - b[1], se = se,
    conf_low = b[2] - b[1] - z * se, conf_high = b[2] - b[1] + z * se, percent = 100 * (b[2] / b[1] - 1),
    percent_low = 100 * shares[1], percent_high = 100 * shares[2])
  sprintf('{"family": "%s", "added": "%s", "weighted": %s, "clustered": %s, %s}', family, added,
    tolower(weighted), tolower(clustered), paste(sprintf('"%s": %.15g', names(told), told), collapse = ", "))
}
rows <- expand.grid(family = c("linear", "logistic"), added = c("bmi", "education"), how = 1:3, stringsAsFactors = FALSE)
cases <- mapply(function(f, a, h) case(f, a, h == 2, h == 3), rows$family, rows$added, rows$how)
writeLines(c("[", paste(" ", cases, collapse = ",\n"), "]"), "changes.json")
