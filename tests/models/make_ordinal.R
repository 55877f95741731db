# Ordered levels by the R packages ordinal and MASS on data that follow from formulas, which
# test_ordinal_r.py repeats; writes ordinal.json beside this script. Run as: Rscript make_ordinal.R
suppressMessages({library(ordinal); library(MASS)})

part <- function(n, of) { v <- (1:n) * sqrt(of); v - floor(v) }

draw <- function(d) {
  n <- d$n
  x <- qnorm(part(n, 2)); z1 <- qnorm(part(n, 3)); z2 <- part(n, 5)
  site <- floor(6 * part(n, 7))
  latent <- d$effect * x + 0.5 * z1 - 0.4 * z2 + 0.1 * site + qlogis(part(n, 13))
  if (d$bent > 0) latent <- latent + d$bent * x * (latent > 0.5)
  share <- if (d$rare) sort(c(0.5, 0.51, seq(0, 1, length.out = d$J - 1)[2:(d$J - 2)]))[1:(d$J - 1)] else (1:(d$J - 1)) / d$J
  y <- findInterval(latent, 2 * qlogis(share))
  out <- data.frame(y = ordered(y), x = x, z1 = z1, z2 = z2, site = factor(site), w = 1 + floor(3 * part(n, 17)))
  droplevels(out[part(n, 11) < d$missing, ])
}

people <- NULL
counts <- NULL

control <- clm.control(gradTol = 1e-9, maxIter = 200, maxLineIter = 100, method = "Newton")
fit <- function(d) {
  people <<- draw(d)
  counts <<- if (d$weighted) people$w else rep(1, nrow(people))
  rest <- if (d$interaction) "z1 + z2 + site + x:z1" else "z1 + z2 + site"
  go <- function(formula, ...) suppressWarnings(clm(as.formula(formula), data = people, weights = counts, link = d$link, control = control, ...))
  full <- go(paste("y ~ x +", rest))
  null <- go("y ~ z1 + z2 + site")
  s <- coef(summary(full))
  terms <- c("x", if (d$interaction) "x:z1")
  cuts <- grep("[|]", rownames(s))
  free <- if (d$J > 2 && d$n > 500) go(paste("y ~", rest), nominal = ~x) else NULL
  tight <- if (d$J > 2) suppressWarnings(polr(as.formula(paste("y ~ x +", rest)), data = people, weights = counts,
    method = if (d$link == "logit") "logistic" else "probit", start = c(full$beta, full$alpha), control = list(reltol = 1e-15, maxit = 10000))) else NULL
  list(n = nrow(people), levels = nlevels(droplevels(people$y)), estimate = s[terms, 1], se = s[terms, 2],
    cuts = s[cuts, 1], cuts_se = s[cuts, 2],
    polr = if (is.null(tight)) NA else coef(tight)[["x"]],
    lr = 2 * as.numeric(logLik(full) - logLik(null)),
    po = if (is.null(free)) NA else 2 * as.numeric(logLik(free) - logLik(full)))
}

number <- function(v) paste(ifelse(is.na(v), "null", formatC(v, digits = 15, format = "g", width = 1)), collapse = ", ")
write <- function(d) {
  r <- fit(d)
  asked <- sprintf('"n": %d, "J": %d, "link": "%s", "effect": %g, "bent": %g, "rare": %s, "missing": %g, "weighted": %s, "interaction": %s',
    d$n, d$J, d$link, d$effect, d$bent, tolower(d$rare), d$missing, tolower(d$weighted), tolower(d$interaction))
  sprintf(' {%s,\n  "people": %d, "levels": %d, "estimate": [%s], "se": [%s],\n  "cuts": [%s], "cuts_se": [%s],\n  "polr": %s, "lr": %s, "po": %s}',
    asked, r$n, r$levels, number(r$estimate), number(r$se), number(r$cuts), number(r$cuts_se), number(r$polr), number(r$lr), number(r$po))
}

design <- function(n, J, link = "logit", effect = 0.3, bent = 0, rare = FALSE, missing = 0.9, weighted = FALSE, interaction = FALSE)
  list(n = n, J = J, link = link, effect = effect, bent = bent, rare = rare, missing = missing, weighted = weighted, interaction = interaction)
designs <- list()
for (link in c("logit", "probit")) {
  for (n in c(150, 900, 5000)) for (J in c(2, 3, 4, 6)) designs <- c(designs, list(design(n, J, link)))
  designs <- c(designs, list(
    design(5000, 10, link), design(900, 10, link, effect = 0), design(5000, 6, link, rare = TRUE),
    design(5000, 4, link, effect = 3), design(5000, 4, link, bent = 0.5), design(900, 4, link, bent = 0.5, weighted = TRUE),
    design(5000, 4, link, weighted = TRUE), design(5000, 4, link, interaction = TRUE), design(900, 3, link, interaction = TRUE, weighted = TRUE),
    design(5000, 3, link, effect = -0.1, missing = 1), design(5000, 5, link, missing = 0.5), design(300, 5, link, interaction = TRUE)))
}
text <- paste0('{"R": "', getRversion(), '", "ordinal": "', packageVersion("ordinal"), '", "MASS": "', packageVersion("MASS"), '",\n"cases": [\n',
  paste(vapply(designs, write, ""), collapse = ",\n"), "\n]}")
writeLines(text, "ordinal.json")
