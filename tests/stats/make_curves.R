# What survival and cmprsk give for the designs below; writes curves.json beside this script.
# Run as: Rscript make_curves.R
# The people of a design are made by whole numbers, so that the tests make the same without a file of them.
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})

share <- function(i, prime) ((i * prime) %% 99991 + 0.5) / 99991
make <- function(n, groups = 2, digits = 3, cap = 2, causes = 1, entry = FALSE, weights = "none", clusters = 0, strata = 1, scale = 1) {
  i <- seq_len(n)
  g <- (i * 7) %% groups + 1
  t <- round(-log(share(i, 7919)) * (1 + 0.3 * g), digits) + 10^-digits
  d <- data.frame(time = pmin(t, cap), group = g, stratum = (i * 5) %% strata + 1, entry = -Inf, weight = 1, cluster = i)
  cause <- ifelse(share(i, 15485863) < 0.6, 1, 2)
  d$event <- ifelse(t > cap | share(i, 104729) < 0.2, 0, if (causes == 2) cause else 1)
  if (entry) {
    e <- round(share(i, 1299709), digits)
    d$entry <- ifelse(e < d$time & i > 3, e, -Inf)
  }
  if (weights == "real") d$weight <- round(0.25 + 2 * share(i, 611953), 3)
  if (weights == "whole") d$weight <- 1 + (i * 3) %% 4
  if (clusters > 0) d$cluster <- (i * 11) %% clusters + 1
  d$time <- d$time * scale
  d$entry <- d$entry * scale
  d
}

designs <- list(
  plain = make(60),
  three_groups = make(90, groups = 3),
  heavy_ties = make(150, groups = 3, digits = 0),
  uncensored = within(make(40, cap = 99), event <- 1),
  truncated = make(120, entry = TRUE),
  truncated_few_ties = make(60, entry = TRUE, digits = 2),
  truncated_ties = make(150, entry = TRUE, digits = 1),
  real_weights = make(80, weights = "real"),
  whole_weights = make(80, weights = "whole"),
  weighted_ties_clusters = make(120, groups = 3, digits = 0, weights = "real", clusters = 25),
  weighted_truncated = make(100, entry = TRUE, digits = 1, weights = "real"),
  clusters = make(100, clusters = 20),
  strata = make(200, groups = 3, digits = 1, strata = 4),
  one_event = within(make(30), event <- ifelse(seq_along(event) == 5, 1, 0)),
  no_event = within(make(30), event <- 0),
  one_time = within(make(40), {time <- ifelse(event == 1, 1, 2)}),
  group_without_events = within(make(60, groups = 3), event <- ifelse(group == 2, 0, event)),
  rare_events = within(make(3000, groups = 4), event <- ifelse(seq_along(event) %% 100 == 0, 1, 0)),
  flat_at_half = data.frame(time = c(1, 2, 3, 4, 5, 6, 7, 8, 1:4), group = rep(1:2, c(8, 4)), stratum = 1, entry = -Inf, weight = 1, cluster = 1:12,
                            event = c(1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1)),
  lone_person = within(make(40, groups = 2), group <- ifelse(seq_along(group) == 9, 1, 2)),
  rounding = within(make(80, digits = 1), {time <- ((time + 0.1) * 3 - 0.3) / 3 + ifelse(seq_along(time) %% 2 == 0, 0, 1e-10)}),
  large_units = make(80, scale = 1e9),
  competing = make(100, groups = 3, causes = 2),
  competing_ties = make(200, groups = 3, digits = 1, causes = 2),
  competing_strata = make(200, groups = 2, digits = 1, causes = 2, strata = 3),
  competing_weights = make(90, causes = 2, digits = 1, weights = "real", clusters = 30),
  competing_truncated = make(150, causes = 2, digits = 1, entry = TRUE),
  many = make(50000, groups = 4, causes = 2, strata = 5)
)

few <- function(x, large) if (large) x[unique(round(seq(1, length(x), length.out = 25)))] else x
response <- function(d, event) if (any(is.finite(d$entry))) Surv(ifelse(is.finite(d$entry), d$entry, -1), d$time, event) else Surv(d$time, event)

curves_of <- function(d, large) {
  y <- response(d, as.numeric(d$event > 0))
  robust <- any(d$weight != floor(d$weight)) || anyDuplicated(d$cluster) > 0
  out <- lapply(sort(unique(d$group)), function(g) {
    k <- d$group == g
    fits <- lapply(c("log", "log-log", "plain"), function(kind) {
      if (robust) survfit(y[k] ~ 1, weights = d$weight[k], cluster = d$cluster[k], conf.type = kind)
      else survfit(y[k] ~ 1, weights = d$weight[k], conf.type = kind)
    })
    f <- fits[[1]]
    on <- which(f$n.event > 0 | f$time == max(f$time))
    on <- few(on, large)
    s <- summary(f, times = f$time[on], extend = TRUE)
    list(time = f$time[on], at_risk = f$n.risk[on], events = f$n.event[on], survival = f$surv[on], se = s$std.err,
         limits = lapply(fits, function(x) list(low = x$lower[on], high = x$upper[on])),
         median = lapply(fits, function(x) unname(summary(x)$table[c("median", "0.95LCL", "0.95UCL")])))
  })
  out
}
rank_of <- function(d) {
  event <- as.numeric(d$event > 0)
  y <- response(d, event)
  out <- list()
  if (length(unique(d$group)) < 2 || sum(event) == 0) return(out)
  g <- factor(d$group)
  s <- d$stratum
  if (all(d$weight == 1) && !any(is.finite(d$entry))) {
    for (rho in c(0, 1, 0.5)) {
      f <- if (max(s) > 1) survdiff(y ~ g + strata(s), rho = rho) else survdiff(y ~ g, rho = rho)
      total <- function(x) if (is.matrix(x)) rowSums(x) else x
      out[[length(out) + 1]] <- list(rho = rho, statistic = f$chisq, df = sum(total(f$exp) > 0) - 1, p = f$pvalue, observed = total(f$obs), expected = total(f$exp))
    }
  }
  cluster <- d$cluster
  w <- d$weight
  f <- try(suppressWarnings(coxph(y ~ g + strata(s), weights = w, cluster = cluster, ties = "breslow", robust = TRUE)), silent = TRUE)
  if (!inherits(f, "try-error")) out$robust <- as.vector(f$rscore)
  if (any(is.finite(d$entry)) && all(w == 1) && max(table(d$time[event > 0])) < 5) out$exact_score <- suppressWarnings(coxph(y ~ g, ties = "exact"))$score
  out
}
means_of <- function(d) {
  y <- response(d, as.numeric(d$event > 0))
  tau <- min(tapply(d$time, d$group, max)) * 0.9
  t(sapply(sort(unique(d$group)), function(g) {
    k <- d$group == g
    if (any(d$event[k] > 0) && min(d$time[k]) < tau) unname(summary(survfit(y[k] ~ 1, weights = d$weight[k]), rmean = tau)$table[5:6]) else c(tau, 0)
  })) -> m
  list(tau = tau, mean = m[, 1], se = m[, 2], greenwood = all(d$weight == floor(d$weight)) && !anyDuplicated(d$cluster))
}
incidence_of <- function(d) {
  at <- few(sort(unique(d$time[d$event > 0])), TRUE)
  plain <- all(d$weight == 1) && !any(is.finite(d$entry)) && !anyDuplicated(d$cluster)
  out <- list(time = at)
  y <- response(d, factor(d$event, 0:2))
  id <- seq_len(nrow(d))
  if (nrow(d) < 1000) out$curves <- lapply(sort(unique(d$group)), function(g) {
    k <- d$group == g
    f <- survfit(y[k] ~ 1, weights = d$weight[k], id = id[k], cluster = d$cluster[k])
    s <- summary(f, times = at, extend = TRUE)
    list(first = s$pstate[, 2], second = s$pstate[, 3], se_first = s$std.err[, 2], se_second = s$std.err[, 3])
  })
  if (plain) {
    f <- cuminc(d$time, d$event, d$group, d$stratum)
    points <- timepoints(f[names(f) != "Tests"], at)
    out$cuminc <- list(names = rownames(points$est), est = points$est, var = points$var)
    out$gray <- lapply(c(0, 1), function(rho) {
      f <- cuminc(d$time, d$event, d$group, d$stratum, rho = rho)$Tests
      list(rho = rho, statistic = unname(f[, 1]), p = unname(f[, 2]), df = unname(f[, 3]))
    })
  }
  out
}
answers <- lapply(names(designs), function(name) {
  d <- designs[[name]]
  large <- nrow(d) > 70
  message(name)
  out <- list(n = nrow(d), events = sum(d$event > 0), checksum = sum(d$time * d$group * (1 + d$event)), curves = curves_of(d, large), rank = rank_of(d), means = means_of(d))
  if (any(d$event == 2)) out$incidence <- incidence_of(d)
  out
})
names(answers) <- names(designs)
rates <- lapply(list(c(11, 6, 800, 900), c(0, 4, 100, 50), c(250, 90, 1e4, 1.2e4)), function(x) {
  f <- poisson.test(x[1:2], x[3:4])
  list(given = x, ratio = unname(f$estimate), low = f$conf.int[1], high = f$conf.int[2], p = f$p.value)
})
packages <- list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")), cmprsk = as.character(packageVersion("cmprsk")))
write(toJSON(list(packages = packages, answers = answers, rates = rates), digits = 15, auto_unbox = TRUE, na = "null"), "curves.json")
