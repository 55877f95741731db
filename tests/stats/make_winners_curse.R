# Corrections of the winner's curse in R (base and splines), see winners_curse.json beside this script.
# FIQT: Bigdeli et al. 2016, their function; empirical Bayes: Ferguson et al. 2013, as in the R
# package winnerscurse, a Poisson fit of a natural spline with 7 df to 120 bins.
set.seed(7)
mu <- ifelse(runif(400) < 0.4, rnorm(400, 0, 3), 0)
z <- round(mu + rnorm(400), 6)
p <- 2 * pnorm(abs(z), lower.tail = FALSE)
fiqt <- sign(z) * qnorm(p.adjust(p, "fdr") / 2, lower.tail = FALSE)
edges <- seq(min(z), max(z), length.out = 121)
middles <- (edges[-1] + edges[-121]) / 2
counts <- as.numeric(table(cut(z, edges, include.lowest = TRUE, right = FALSE)))
knots <- seq(middles[1], middles[120], length.out = 8)
base <- function(x) splines::ns(x, knots = knots[2:7], Boundary.knots = knots[c(1, 8)])
fit <- glm(counts ~ base(middles), family = poisson, control = list(epsilon = 1e-14, maxit = 100))
eta <- function(x) as.numeric(cbind(1, base(x)) %*% coef(fit))
h <- 1e-4
slope <- (8 * (eta(z + h) - eta(z - h)) - (eta(z + 2 * h) - eta(z - 2 * h))) / (12 * h)
moved <- z + slope
bayes <- sign(z) * pmin(pmax(moved * sign(z), 0), abs(z))
show <- function(x) paste0("[", paste(formatC(x, digits = 12, format = "g"), collapse = ", "), "]")
cat(sprintf('{"z": %s,\n"fiqt": %s,\n"bayes": %s}\n', show(z), show(fiqt), show(bayes)),
    file = "winners_curse.json")
