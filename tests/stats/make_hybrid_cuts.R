# Partitions of dynamicTreeCut's hybrid method, of numbers that Python draws as well: writes hybrid_cuts.json; run in
# this folder.
suppressMessages(library(dynamicTreeCut))
draw <- function(seed, n) { out <- numeric(n); s <- seed
  for (i in seq_len(n)) { s <- (16807 * s) %% 2147483647; out[i] <- s / 2147483647 - 0.5 }
  out }
people <- 60; proteins <- 160; factors <- 12; above <- 3
spread <- function(seed) { u <- draw(seed, people * (factors + above + proteins + 1) + 2 * proteins)
  cut <- function(m) { part <- u[seq_len(m)]; u <<- u[-seq_len(m)]; part }
  f <- matrix(cut(people * factors), people); g <- matrix(cut(people * above), people)
  f <- f + g[, (seq_len(factors) - 1) %% above + 1]; e <- matrix(cut(people * proteins), people); sample <- cut(people)
  load <- cut(proteins) + 0.5; own <- floor((cut(proteins) + 0.5) * factors) + 1
  x <- e + f[, own] * rep(load, each = people) * 1.2 + 0.5 * sample
  a <- ((1 + cor(x)) / 2)^12; diag(a) <- 0; k <- colSums(a)
  t <- (a %*% a + a) / (outer(k, k, pmin) + 1 - a); d <- 1 - (t + t(t)) / 2; diag(d) <- 0; d }
cases <- NULL
for (seed in c(4, 5, 15, 24)) { d <- spread(seed); tree <- hclust(as.dist(d), method = "average")
  for (size in c(5, 10)) for (deep in c(0, 2, 4)) for (stage in c("free", "tree")) {
    l <- cutreeDynamic(tree, distM = d, minClusterSize = size, deepSplit = deep, pamRespectsDendro = stage == "tree", verbose = 0)
    cases <- c(cases, sprintf('    {"seed": %d, "min_size": %d, "deep_split": %d, "second_stage": "%s", "labels": [%s]}', seed, size,
      deep, stage, paste(l, collapse = ","))) } }
writeLines(c("{", '  "cases": [', paste(cases, collapse = ",\n"), "  ],",
  sprintf('  "r": "%s", "dynamicTreeCut": "%s"', getRversion(), packageVersion("dynamicTreeCut")), "}"), "hybrid_cuts.json")
