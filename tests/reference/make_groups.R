# Makes a small cohort in four groups and what R gives for each of its proteins: run in this folder with
#   Rscript make_groups.R
# It writes groups_samples.csv, groups_proteins.csv and groups.json. Packages nnet, sandwich, clubSandwich.
# Protein P3 is missing on all of group D, P4 on most of group A.

suppressMessages({library(nnet); library(sandwich); library(clubSandwich)})
set.seed(20250202, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
n <- 300
proteins <- 6
samples <- data.frame(
  ID = sprintf("S%03d", seq_len(n)),
  age = round(rnorm(n, 56, 8), 1),
  sex = rbinom(n, 1, 0.5),
  site = sample(c("x", "y", "z"), n, replace = TRUE),
  clinic = sample(sprintf("K%02d", 1:25), n, replace = TRUE),
  weight = sample(1:4, n, replace = TRUE)
)
values <- round(matrix(rnorm(n * proteins, 5, 1), n), 4)
eta <- cbind(0, -0.3 + 0.5 * (values[, 1] - 5), -0.6 - 0.7 * (values[, 2] - 5), -0.9 + 0.03 * (samples$age - 56))
u <- runif(n)
shares <- t(apply(exp(eta) / rowSums(exp(eta)), 1, cumsum))
samples$group <- LETTERS[1 + rowSums(u > shares)]
samples$stage <- match(samples$group, LETTERS)
samples$age[c(11, 57)] <- NA
samples$group[c(20, 21)] <- NA
samples$stage[c(20, 21)] <- NA
values[matrix(runif(n * proteins) < 0.06, n)] <- NA
values[samples$group %in% "D", 3] <- NA
values[samples$group %in% "A" & runif(n) < 0.8, 4] <- NA
colnames(values) <- sprintf("P%d", seq_len(proteins))
write.csv(samples, "groups_samples.csv", row.names = FALSE, quote = FALSE, na = "")
write.csv(data.frame(ID = samples$ID, values), "groups_proteins.csv", row.names = FALSE, quote = FALSE, na = "")

# from here on the files are what counts
samples <- read.csv("groups_samples.csv", na.strings = "")
values <- as.matrix(read.csv("groups_proteins.csv")[, -1])
complete <- function(j) {
  d <- na.omit(data.frame(samples, x = values[, j]))
  d$x <- qnorm((rank(d$x, ties.method = "average") - 0.375) / (nrow(d) + 0.25))
  d$g <- factor(d$group)
  d
}

# one contrast of levels in each row: estimate, error, p; then the joint F test
contrasts_of <- function(fit, V, names, df) {
  at <- match(names, names(coef(fit)))
  b <- unname(coef(fit)[at])
  se <- sqrt(diag(V)[at])
  list(estimate = b, se = unname(se), p = unname(2 * pt(-abs(b / se), df)))
}
wald_f <- function(b, V, df) {
  q <- length(b)
  f <- drop(b %*% solve(V, b)) / q
  c(f = f, df = q, p = pf(f, q, df, lower.tail = FALSE))
}
linear <- function(j, kind) {
  d <- complete(j)
  if (kind == "steps") contrasts(d$g) <- sapply(seq_len(nlevels(d$g))[-1], function(k) as.numeric(seq_len(nlevels(d$g)) >= k))
  formula <- if (kind == "interaction") x ~ age + site + sex * g else x ~ age + sex + site + g
  w <- if (kind == "weights") d$weight else rep(1, nrow(d))
  fit <- lm(formula, d, weights = w)
  df <- df.residual(fit)
  at <- grep("^g", names(coef(fit)))
  V <- switch(kind, HC3 = vcovHC(fit, "HC3"), CR1 = as.matrix(vcovCR(fit, d$clinic, "CR1")), CR2 = as.matrix(vcovCR(fit, d$clinic, "CR2")), vcov(fit))
  if (kind == "CR1") df <- length(unique(d$clinic)) - 1
  out <- contrasts_of(fit, V, names(coef(fit))[at], df)
  out$n <- nrow(d)
  if (kind == "CR2") {
    tested <- coef_test(fit, vcov = "CR2", cluster = d$clinic, test = "Satterthwaite")
    out$p <- tested$p_Satt[at]
  } else out$joint <- unname(wald_f(coef(fit)[at], V[at, at], df))
  if (kind == "classical") { # the same as anova gives
    a <- anova(update(fit, . ~ . - g), fit)
    stopifnot(abs(a$F[2] / out$joint[1] - 1) < 1e-9)
  }
  if (kind == "interaction") {
    at <- grep("^sex:g", names(coef(fit)))
    out$products <- contrasts_of(fit, V, names(coef(fit))[at], df)$estimate
    out$product_joint <- unname(wald_f(coef(fit)[at], V[at, at], df))
  }
  out
}
trend <- function(j) {
  d <- complete(j)
  d$score <- d$stage - 1
  s <- summary(lm(x ~ age + sex + site + score, d))$coefficients["score", ]
  list(n = nrow(d), estimate = s[[1]], se = s[[2]], p = s[[4]])
}

# nnet::multinom stops early even so: Newton's method takes it to the maximum
likelihood <- function(B, X, y, w) { eta <- cbind(0, X %*% t(B)); sum(w * (eta[cbind(seq_along(y), y)] - log(rowSums(exp(eta))))) }
polish <- function(B, X, y, w) {
  L <- nrow(B); p <- ncol(B)
  for (step in 1:30) {
    eta <- cbind(0, X %*% t(B)); mu <- exp(eta) / rowSums(exp(eta))
    score <- unlist(lapply(1:L, function(l) crossprod(X, w * ((y == l + 1) - mu[, l + 1]))))
    H <- matrix(0, L * p, L * p)
    for (a in 1:L) for (b in 1:L) {
      v <- w * (if (a == b) mu[, a + 1] * (1 - mu[, a + 1]) else -mu[, a + 1] * mu[, b + 1])
      H[(a - 1) * p + 1:p, (b - 1) * p + 1:p] <- crossprod(X, X * v)
    }
    d <- solve(H, score)
    B <- B + matrix(d, L, byrow = TRUE)
    if (sum(d * score) < 1e-24) break
  }
  list(B = B, V = solve(H), value = likelihood(B, X, y, w))
}
multinomial <- function(j, kind, reference = "A") {
  d <- complete(j)
  d$g <- relevel(d$g, reference)
  w <- if (kind == "weights") d$weight else rep(1, nrow(d))
  full <- if (kind == "interaction") g ~ age + site + sex * x else g ~ age + sex + site + x
  one <- function(formula) {
    fit <- multinom(formula, d, weights = w, trace = FALSE, reltol = 1e-15, maxit = 10000)
    X <- model.matrix(formula, d)
    c(polish(coef(fit), X, as.integer(d$g), w), list(p = ncol(X), names = colnames(X), rough = coef(fit)))
  }
  f <- one(full); null <- one(g ~ age + sex + site)
  stopifnot(max(abs(f$B - f$rough)) < 1e-3)
  at <- match("x", f$names); L <- nlevels(d$g) - 1
  se <- sqrt(diag(f$V))[(1:L - 1) * f$p + at]
  b <- unname(f$B[, at])
  lr <- 2 * (f$value - null$value); df <- L * (f$p - null$p)
  out <- list(n = nrow(d), levels = levels(d$g), n_case = unname(as.vector(table(d$g))[-1]), estimate = b, se = se, p = 2 * pnorm(-abs(b / se)), joint = c(lr, df, pchisq(lr, df, lower.tail = FALSE)))
  # levels one after another, the coefficients of each as model.matrix has them
  if (reference == "A" && kind != "interaction") out <- c(out, list(names = f$names, whole = as.vector(t(unname(f$B))), whole_se = sqrt(diag(f$V))))
  if (kind == "interaction") {
    at <- match("sex:x", f$names); where <- (1:L - 1) * f$p + at; b <- f$B[, at]
    out$products <- unname(b)
    q <- drop(b %*% solve(f$V[where, where], b))
    out$product_joint <- c(q, L, pchisq(q, L, lower.tail = FALSE))
  }
  out
}

as_json <- function(x) if (is.list(x)) paste0("{", paste(sprintf('"%s": %s', names(x), vapply(x, as_json, "")), collapse = ", "), "}") else {
  text <- if (is.character(x)) sprintf('"%s"', x) else sprintf("%.15g", x)
  if (length(x) == 1) text else paste0("[", paste(text, collapse = ", "), "]")
}
each <- function(f, ...) { found <- lapply(seq_len(proteins), f, ...); names(found) <- colnames(values); found }
kinds <- c("classical", "HC3", "CR1", "CR2", "weights", "interaction", "steps")
body <- list(
  R = paste(R.version$major, R.version$minor, sep = "."),
  linear = c(setNames(lapply(kinds, function(k) each(linear, k)), kinds), list(linear = each(trend))),
  multinomial = list(classical = each(multinomial, "classical"), weights = each(multinomial, "weights"), interaction = each(multinomial, "interaction"), reference_C = each(multinomial, "classical", "C"))
)
writeLines(as_json(body), "groups.json")
