# Writes model_matrices.json: columns of R's model.matrix for formulas of the grammar.
# Run in this folder: Rscript make_model_matrices.R
library(splines)
data <- data.frame(
  age = c(41.2, 55.1, 63.7, 48.9, 70, 39.5, 58.3, 66.6, 45, 52.4, 61.8, 49.7, 57.5, 69.1, 43.3, 64.2),
  bmi = c(22.1, 31.4, 27.8, 24.6, 29.9, 20.7, 26.3, 33.2, 25, 23.8, 28.4, 21.9, 30.1, 26.7, 24.2, 35.5),
  visits = c(1, 2, 2, 3, 5, 1, 4, 2, 3, 6, 7, 1, 4, 5, 8, 3),
  site = c(10, 1, 2, 1, 10, 2, 2, 1, 10, 10, 1, 2, 1, 2, 10, 1),
  sex = c("M", "F", "F", "M", "F", "M", "F", "M", "M", "F", "F", "M", "F", "F", "M", "M"),
  batch = c("b", "a", "c", "c", "a", "b", "a", "c", "b", "a", "c", "b", "b", "a", "c", "a")
)
frame <- within(data, {
  site <- factor(site)
  site2 <- relevel(site, ref = "2")
  sex <- factor(sex)
  batch <- factor(batch)
})
cases <- list(
  c("age + sex + C(site)", "age + sex + site"),
  c('C(site, ref="2") + bmi', "site2 + bmi"),
  c("age * sex", "age * sex"),
  c("sex * batch", "sex * batch"),
  c("age * sex * batch", "age * sex * batch"),
  c("sex:batch", "sex:batch"),
  c("age:sex", "age:sex"),
  c("age + age:sex", "age + age:sex"),
  c("sex + age:sex", "sex + age:sex"),
  c("sex + sex:C(site)", "sex + sex:site"),
  c("sex:C(site) + sex:batch", "sex:site + sex:batch"),
  c("age:sex:batch", "age:sex:batch"),
  c("age:sex + age:sex:batch", "age:sex + age:sex:batch"),
  c("bmi + sex:batch + age:sex", "bmi + sex:batch + age:sex"),
  c("(age + bmi):sex", "(age + bmi):sex"),
  c("age:bmi", "age:bmi"),
  c("age^2 + age^3", "I(age^2) + I(age^3)"),
  c("log(bmi) + log2(age)", "log(bmi) + log2(age)"),
  c("scale(age) + scale(log(bmi))", "scale(age) + scale(log(bmi))"),
  c("poly(age, 1)", "poly(age, 1)"),
  c("poly(age, 5)", "poly(age, 5)"),
  c("poly(visits, 3)", "poly(visits, 3)"),
  c("poly(age, 2):sex", "poly(age, 2):sex"),
  c("ns(age, 1)", "ns(age, 1)"),
  c("ns(age, 2)", "ns(age, 2)"),
  c("ns(age, df=5)", "ns(age, df = 5)"),
  c("ns(visits, 3)", "ns(visits, 3)"),
  c("ns(age, 3) * sex", "ns(age, 3) * sex"),
  c("ns(log(bmi), 3)", "ns(log(bmi), 3)"),
  c("bs(age, 3)", "bs(age, 3)"),
  c("bs(age, 6)", "bs(age, 6)"),
  c("bs(age, 4, 2)", "bs(age, 4, degree = 2)"),
  c("bs(visits, df=3, degree=1)", "bs(visits, df = 3, degree = 1)")
)
numbers <- function(x) paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
texts <- function(x) paste0("[", paste(sprintf('"%s"', gsub('"', '\\\\"', x)), collapse = ", "), "]")
column <- function(x) if (is.numeric(x)) numbers(x) else texts(x)
one <- function(case) {
  matrix <- model.matrix(as.formula(paste("~", case[2])), frame)
  columns <- apply(matrix, 2, numbers)
  paste0(
    '  {"formula": ', substring(texts(case[1]), 2, nchar(texts(case[1])) - 1), ', "r": "', case[2], '",\n',
    '   "names": ', texts(colnames(matrix)), ',\n   "columns": [\n    ', paste(columns, collapse = ",\n    "), "]}"
  )
}
frame_text <- paste(sprintf('  "%s": %s', names(data), vapply(data, column, "")), collapse = ",\n")
writeLines(paste0(
  '{"r_version": "', R.version.string, '",\n "frame": {\n', frame_text, '},\n "cases": [\n',
  paste(vapply(cases, one, ""), collapse = ",\n"), "]}"
), "model_matrices.json")
