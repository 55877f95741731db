# Networks of proteins on data of our own: writes network_proteins.csv, network_other.csv and network.json.
# R with WGCNA 1.72 and dynamicTreeCut 1.63; run it in this folder.
suppressMessages({
  library(WGCNA); library(dynamicTreeCut)
})
set.seed(20262)
n <- 90
proteins <- 140
module <- rep(c(1, 2, 3, 4, 0), c(45, 30, 22, 13, 30))
weight <- runif(proteins, 0.4, 1.3) * sample(c(1, 1, -1), proteins, TRUE)
draw <- function(people, lost) {
  common <- matrix(rnorm(people * 4), people)
  values <- matrix(rnorm(people * proteins), people)
  for (j in which(module > 0 & !module %in% lost)) values[, j] <- values[, j] + weight[j] * common[, module[j]]
  colnames(values) <- sprintf("P%03d", seq_len(proteins))
  round(values + outer(rnorm(people), runif(proteins, 0, 0.4)), 3)
}
write_people <- function(values, file) {
  write.csv(data.frame(ID = sprintf("S%02d", seq_len(nrow(values))), values), file, row.names = FALSE, quote = FALSE)
}
write_people(draw(n, 0), "network_proteins.csv")
write_people(draw(70, 3), "network_other.csv")

# from here on the files are what counts
x <- as.matrix(read.csv("network_proteins.csv", row.names = 1))
y <- as.matrix(read.csv("network_other.csv", row.names = 1))
cases <- list()
# missing values by a rule that the test repeats
holed <- x[, 1:12]
holed[(row(holed) * 7 + col(holed) * 5) %% 11 == 0] <- NA
holed[, 3] <- round(holed[, 3])
holed[, 4] <- ifelse(holed[, 4] > 1, 1, 0) # no spread: bicor falls back on Pearson's
cases$pearson_holed <- stats::cor(holed, use = "pairwise.complete.obs")
cases$spearman_holed <- stats::cor(holed, use = "pairwise.complete.obs", method = "spearman")
cases$bicor_holed <- suppressWarnings(bicor(holed, use = "pairwise.complete.obs"))
cases$bicor <- bicor(x[, 1:12])
for (type in c("unsigned", "signed", "signed hybrid")) {
  invisible(capture.output(soft <- pickSoftThreshold(x, networkType = type, powerVector = c(1:10, 12), verbose = 0)$fitIndices))
  cases[[paste("soft", type)]] <- as.matrix(soft)
}
a <- adjacency(x, power = 3)
invisible(capture.output(overlap <- TOMsimilarity(a, verbose = 0)))
apart <- 1 - overlap
tree <- hclust(as.dist(apart), "average")
cases$connectivity <- colSums(a) - 1
cases$overlap_sums <- colSums(overlap)
cases$height <- tree$height
for (split in 0:4) for (size in c(5, 12, 20)) {
  hybrid <- function(...) as.vector(cutreeDynamic(tree, distM = apart, deepSplit = split, minClusterSize = size, verbose = 0, ...))
  cases[[paste("hybrid none", split, size)]] <- hybrid(pamStage = FALSE)
  cases[[paste("hybrid free", split, size)]] <- hybrid(pamRespectsDendro = FALSE)
  cases[[paste("hybrid tree", split, size)]] <- hybrid(pamRespectsDendro = TRUE)
}
for (size in c(8, 12, 20)) for (deep in c(TRUE, FALSE)) {
  cases[[paste("heights", deep, size)]] <- as.vector(cutreeDynamic(tree, method = "tree", deepSplit = deep, minClusterSize = size, verbose = 0))
}
labels <- cases[["hybrid free 2 12"]]
found <- moduleEigengenes(x, labels)
cases$explained <- unlist(found$varExplained)
cases$eigenproteins <- as.matrix(found$eigengenes)
cases$eigenprotein_names <- as.numeric(sub("ME", "", colnames(found$eigengenes)))
for (height in c(0.25, 0.9)) {
  cases[[paste("merged", height)]] <- as.vector(mergeCloseModules(x, labels, cutHeight = height, relabel = FALSE, verbose = 0)$colors)
}
cases$spearman_p <- sapply(1:40, function(j) cor.test(x[, 1], x[, j + 1], method = "spearman")$p.value)
cases$spearman_rho <- sapply(1:40, function(j) cor(x[, 1], x[, j + 1], method = "spearman"))
preserved <- suppressWarnings(modulePreservation(
  list(a = list(data = x), b = list(data = y)), list(a = as.character(module)), referenceNetworks = 1, testNetworks = 2,
  nPermutations = 2, randomSeed = 1, quickCor = 0, calculateQvalue = FALSE, greyName = "0", verbose = 0,
  calculateCor.kIMall = FALSE, calculateClusterCoeff = FALSE
))$preservation
cases$observed <- as.matrix(preserved$observed[[1]][[2]])
cases$observed_names <- as.numeric(rownames(preserved$observed[[1]][[2]]))

number <- function(v) paste0("[", paste(ifelse(is.na(v), "null", sprintf("%.15g", v)), collapse = ", "), "]")
write_case <- function(v) {
  if (!is.matrix(v)) return(number(as.numeric(v)))
  suppressWarnings(mode(v) <- "numeric")
  paste0('{"columns": [', paste0('"', if (is.null(colnames(v))) seq_len(ncol(v)) else colnames(v), '"', collapse = ", "), '], "rows": [',
    paste(apply(v, 1, number), collapse = ", "), "]}")
}
body <- sprintf('  "%s": %s', names(cases), sapply(cases, write_case))
writeLines(paste0('{\n  "r": "', getRversion(), '", "wgcna": "', packageVersion("WGCNA"), '",\n', paste(body, collapse = ",\n"), "\n}"), "network.json")
