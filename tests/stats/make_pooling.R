# Pooled effects in R 4.2.2 with metafor 3.8.1 at full convergence: pooling.json beside this script.
# The 13 trials of BCG vaccine are those of Colditz et al. 1994 (doi:10.1001/jama.271.9.698); the
# districts are drawn. Run in this folder: Rscript make_pooling.R
suppressMessages({library(metafor); library(jsonlite)})
tight <- list(threshold = 1e-14, maxiter = 10000, tol = 1e-12)
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
methods <- c("FE", "DL", "REML", "PM", "EB", "SJ", "HE", "HS", "ML")
told <- function(r) list(estimate = c(r$beta), se = r$se, tau2 = r$tau2, tau2_se = r$se.tau2,
  i2 = r$I2, h2 = r$H2, q = r$QE, p = r$pval, qm = r$QM, qm_p = r$QMp, low = r$ci.lb, high = r$ci.ub)
fit <- function(test, ...) sapply(methods, function(m) told(rma(yi, vi, data = bcg, method = m,
  test = test, control = tight, ...)), simplify = FALSE)
r <- rma(yi, vi, data = bcg, control = tight)
influenced <- function(test) {
  r <- rma(yi, vi, data = bcg, test = test, control = tight); i <- influence(r); l <- leave1out(r)
  list(rstudent = i$inf$rstudent, dffits = i$inf$dffits, cook = i$inf$cook.d,
    covariance_ratio = i$inf$cov.r, tau2 = i$inf$tau2.del, q = i$inf$QE.del, hat = i$inf$hat,
    weight = i$inf$weight, dfbetas = i$dfbs[[1]], estimate = l$estimate, se = l$se, p = l$pval)
}
eggers <- function(model) { t <- regtest(r, model = model)
  list(statistic = t$zval, p = t$pval, limit = t$est, low = t$ci.lb, high = t$ci.ub) }
set.seed(3)
funnels <- lapply(1:10, function(j) {
  k <- 5 + j; v <- rgamma(k, 2, 20); y <- rnorm(k, 0.3 * sqrt(v) * j, sqrt(v + .02))
  t <- trimfill(rma(y, v, method = "DL")); b <- ranktest(rma(y, v, method = "DL"))
  list(y = y, v = v, missing = t$k0, missing_se = t$se.k0, side = t$side, estimate = c(t$beta),
    se = t$se, tau = b$tau, tau_p = b$pval) })
set.seed(11)
d <- data.frame(district = rep(1:9, c(2, 5, 3, 6, 4, 1, 7, 3, 4)))
d$x <- round(rnorm(nrow(d)), 3); d$vi <- round(rgamma(nrow(d), 3, 60), 5); d$id <- seq_len(nrow(d))
d$yi <- round(0.2 + 0.1 * d$x + rnorm(9, 0, .4)[d$district] + rnorm(nrow(d), 0, sqrt(d$vi + .04)), 5)
levels3 <- function(m, mods) { r <- rma.mv(yi, vi, mods = mods, random = ~ 1 | district/id, data = d,
    method = m, control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15))
  list(estimate = c(r$beta), se = r$se, between = r$sigma2[1], within = r$sigma2[2]) }
# curves: coefficients of studies with covariances, and one stage with a random line and bend
set.seed(5)
V <- lapply(1:8, function(j) { A <- matrix(rnorm(4, 0, .15), 2); A %*% t(A) + diag(.004, 2) })
B <- lapply(V, function(S) c(.5, -.2) + c(matrix(c(.3, .1, 0, .2), 2) %*% rnorm(2)) + c(t(chol(S)) %*% rnorm(2)))
two <- data.frame(b = unlist(B), which = factor(rep(1:2, 8)), study = rep(1:8, each = 2))
two_stage <- function(m) { r <- rma.mv(b, bldiag(V), mods = ~ 0 + which, random = ~ which | study,
    struct = "UN", data = two, method = m, control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15))
  list(estimate = c(r$beta), se = r$se, between = c(r$G), q = r$QE) }
sizes <- c(3, 3, 2, 4, 3, 1)
X <- lapply(sizes, function(n) cbind(seq_len(n) * 2))
S <- lapply(sizes, function(n) .02 + diag(.03, n))
Y <- lapply(seq_along(X), function(j) round(c(X[[j]] %*% (.1 + rnorm(1, 0, .08))) + rnorm(sizes[j], 0, .15), 5))
one <- data.frame(y = unlist(Y), dose = unlist(X), study = rep(seq_along(sizes), sizes))
one_stage <- function(m) { r <- rma.mv(y, bldiag(S), mods = ~ 0 + dose, random = ~ 0 + dose | study,
    struct = "GEN", data = one, method = m, control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15))
  list(estimate = c(r$beta), se = r$se, between = r$tau2) }
out <- list(y = bcg$yi, v = bcg$vi, ablat = bcg$ablat, alloc = bcg$alloc, z = fit("z"), knha = fit("knha"),
  adhoc = fit("adhoc"), moderated = fit("z", mods = ~ ablat + factor(alloc)),
  moderated_knha = sapply(setdiff(methods, "FE"), function(m) told(rma(yi, vi, data = bcg, method = m,
    test = "knha", control = tight, mods = ~ ablat + factor(alloc))), simplify = FALSE),
  explained = sapply(setdiff(methods, "FE"), function(m) rma(yi, vi, data = bcg, method = m,
    control = tight, mods = ~ ablat + factor(alloc))$R2),
  profile = confint(r, control = list(tol = 1e-12))$random[1, 2:3],
  prediction = unlist(predict(r)[c("pi.lb", "pi.ub")]),
  influence = sapply(c("z", "knha", "adhoc"), influenced, simplify = FALSE),
  egger = eggers("lm"), egger_mixed = eggers("rma"), funnels = funnels, districts = d,
  levels = sapply(c("REML", "ML"), levels3, mods = ~ 1, simplify = FALSE),
  levels_moderated = levels3("REML", ~ x), B = B, V = V, two_stage = sapply(c("REML", "ML", "FE"),
    function(m) if (m == "FE") { r <- rma.mv(b, bldiag(V), mods = ~ 0 + which, data = two)
      list(estimate = c(r$beta), se = r$se, q = r$QE) } else two_stage(m), simplify = FALSE),
  doses = X, S = S, Y = Y, one_stage = sapply(c("REML", "ML"), one_stage, simplify = FALSE))
write(toJSON(out, digits = 15, auto_unbox = TRUE), "pooling.json")
