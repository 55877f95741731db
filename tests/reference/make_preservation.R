# Zs of preservation by R's WGCNA, of the proteins of make_network.R: Rscript make_preservation.R
# writes preservation.json beside this script.
suppressMessages(library(WGCNA))
x <- as.matrix(read.csv("network_proteins.csv", row.names = 1))
y <- as.matrix(read.csv("network_other.csv", row.names = 1))
module <- rep(c(1, 2, 3, 4, 0), c(45, 30, 22, 13, 30))
permutations <- 100
found <- suppressWarnings(modulePreservation(
  list(a = list(data = x), b = list(data = y)), list(a = as.character(module)), referenceNetworks = 1, testNetworks = 2,
  nPermutations = permutations, randomSeed = 1, quickCor = 0, calculateQvalue = FALSE, greyName = "0", verbose = 0,
  calculateCor.kIMall = FALSE, calculateClusterCoeff = FALSE, useInterpolation = FALSE, savePermutedStatistics = FALSE
))$preservation$Z[[1]][[2]]
found <- found[rownames(found) %in% 1:4, ]
rows <- sapply(names(found)[-1], function(n) sprintf('  "%s": [%s]', n, paste(sprintf("%.6g", found[[n]]), collapse = ", ")))
writeLines(paste0('{\n  "wgcna": "', packageVersion("WGCNA"), '",\n  "permutations": ', permutations, ',\n  "modules": [',
  paste(rownames(found), collapse = ", "), '],\n', paste(rows, collapse = ",\n"), "\n}"), "preservation.json")
