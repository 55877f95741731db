# Imputation by the R package impute on small made-up data; writes knn.json beside this script.
# Run as: Rscript make_knn.R
suppressMessages(library(impute))

take <- function(x, k, rowmax, colmax) {
  utils::capture.output(out <- suppressWarnings(impute.knn(x, k = k, rowmax = rowmax, colmax = colmax)$data))
  list(k = k, rowmax = rowmax, colmax = colmax, x = unname(x), imputed = unname(out))
}

set.seed(20261122)
base <- matrix(rnorm(14 * 3), 14) %*% matrix(rnorm(3 * 11), 3) + 0.3 * matrix(rnorm(14 * 11), 14)
base <- round(base, 3)
holes <- base
holes[sample(length(holes), 30)] <- NA
sparse <- holes
sparse[2, 1:7] <- NA
sparse[9, 3:10] <- NA
tied <- round(holes)
tied[5, ] <- tied[3, ]
tied[6, ] <- tied[3, ]
tied[5, 2] <- NA
tied[6, c(2, 4)] <- NA
lonely <- holes
lonely[1:8, 4] <- NA
apart <- holes
apart[1, ] <- c(1, 2, 3, 4, 5, NA, NA, NA, NA, NA, NA)
apart[2, ] <- c(NA, NA, NA, NA, NA, 1, 2, 3, 4, 5, 6)

cases <- list(
  holes = take(holes, 3, 0.5, 0.8),
  one_neighbour = take(holes, 1, 0.5, 0.8),
  rows_with_more_missing = take(sparse, 4, 0.5, 0.8),
  ties = take(tied, 2, 0.5, 0.8),
  column_seldom_seen = take(lonely, 2, 0.5, 0.8),
  rows_without_a_common_column = take(apart, 5, 0.6, 0.8)
)
number <- function(v) ifelse(is.na(v), "null", format(v, digits = 17, trim = TRUE))
grid <- function(m) paste0("[", paste(apply(m, 1, function(r) paste0("[", paste(number(r), collapse = ", "), "]")), collapse = ",\n    "), "]")
one <- function(name) {
  case <- cases[[name]]
  sprintf('  "%s": {\n   "k": %d, "rowmax": %g, "colmax": %g,\n   "x": %s,\n   "imputed": %s\n  }',
          name, case$k, case$rowmax, case$colmax, grid(case$x), grid(case$imputed))
}
text <- sprintf('{\n "R": "%s",\n "impute": "%s",\n "cases": {\n%s\n }\n}', getRversion(),
                packageVersion("impute"), paste(vapply(names(cases), one, ""), collapse = ",\n"))
writeLines(text, "knn.json")
