# Kernel densities by R's density() on small made-up data; writes density.json beside this script.
# Run as: Rscript make_density.R
set.seed(20261123)
number <- function(v) paste0("[", paste(format(v, digits = 17, trim = TRUE), collapse = ", "), "]")
take <- function(x, bw, weights = NULL) {
  d <- if (is.null(weights)) density(x, bw = bw) else density(x, bw = bw, weights = weights)
  some <- seq(1, 512, by = 7)
  sprintf('{"x": %s, "weights": %s, "bandwidth": %s,\n "points": %s,\n "heights": %s,\n "mode": %s}',
          number(x), if (is.null(weights)) "null" else number(weights), format(bw, digits = 17),
          number(d$x[some]), number(d$y[some]), format(d$x[which.max(d$y)], digits = 17))
}
share <- function(n) { w <- rgamma(n, 0.6); w / sum(w) }
normal <- rnorm(40)
heavy <- rt(60, 1.5)
cases <- list(
  normal = take(normal, 0.3),
  normal_weighted = take(normal, 0.3, share(40)),
  wide = take(normal, 4),
  heavy = take(heavy, 0.25),
  heavy_weighted = take(heavy, 0.05, share(60)),
  narrow = take(heavy, 1e-8, share(60)),
  three = take(c(0.1, 0.2, 0.7), 0.04, c(0.5, 0.25, 0.25)),
  tied = take(c(1, 1, 1, 2, 2, 5), 0.2),
  not_summing_to_one = suppressWarnings(take(normal[1:10], 0.4, rep(0.05, 10)))
)
lines <- paste(sprintf('"%s": %s', names(cases), unlist(cases)), collapse = ",\n")
writeLines(sprintf('{"R": "%s", "cases": {\n%s\n}}', getRversion(), lines), "density.json")
