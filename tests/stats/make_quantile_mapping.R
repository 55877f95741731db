# Writes quantile_mapping.json: values of one scale on another, through the matched quantiles of
# those that both have, with stats::lm and splines::ns of R 4.2.2.
# Run in this folder: Rscript make_quantile_mapping.R
options(digits = 17)
set.seed(20261128)
bridges <- 60
x <- round(rnorm(140), 2)                       # with ties, as NPX is delivered
y <- exp(0.5 * x) + rnorm(140, sd = 0.3)
x[101:140] <- 3 * x[101:140]                    # beyond the range of the bridge samples
source <- x[1:bridges]
target <- y[1:bridges]
distinct <- sort(unique(source))
matched <- quantile(target, probs = environment(ecdf(source))$y, names = FALSE)
knots <- quantile(distinct, c(0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95), names = FALSE)
fit <- lm(matched ~ splines::ns(distinct, knots = knots))
mapped <- unname(predict(fit, newdata = data.frame(distinct = x)))
number <- function(v) paste0("[", paste(format(v, digits = 17), collapse = ", "), "]")
writeLines(sprintf('{"bridges": %d,\n "x": %s,\n "y": %s,\n "mapped": %s}', bridges,
                   number(x), number(y), number(mapped)), "quantile_mapping.json")
