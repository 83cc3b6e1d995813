# Growth of plants under different light: cleaning, summaries and a model.

library(stats)
suppressMessages(library(utils))

DAYS <- 30
lights <- c("north", "south", "lamp")
colours = list(north = "grey", south = "gold", lamp = "white")

#' Reads one file of measurements.
#'
#' @param path where the file is
#' @param sep  between the columns
read_growth <- function(path, sep = ",", ...) {
  rows <- read.csv(path, sep = sep, stringsAsFactors = FALSE, ...)
  names(rows) <- tolower(names(rows))
  if (!all(c("plant", "day", "cm") %in% names(rows))) {
    stop("columns are missing: ", paste(names(rows), collapse = " "))
  }
  rows
}

clean <- function(rows) {
  kept <- rows[!is.na(rows$cm) & rows$cm >= 0, ]

  clip <- function(values, limit = 200) {
    pmin(values, limit)
  }

  kept$cm <- clip(kept$cm)
  kept[order(kept$plant, kept$day), ]
}

growth_rate <- function(cm, day)
  diff(cm) / diff(day)

"%between%" <- function(value, range) {
  value >= range[1] & value <= range[2]
}

summarise <- function(rows, by = c("light", "plant")) {
  by <- match.arg(by)
  groups <- split(rows, rows[[by]])
  found <- lapply(groups, function(group) {
    data.frame(
      group = group[[by]][1],
      plants = length(unique(group$plant)),
      mean_cm = mean(group$cm),
      rate = mean(growth_rate(group$cm, group$day))
    )
  })
  do.call(rbind, found)
}

print.growth <- function(x, ...) {
  cat("growth of", nrow(x$rows), "rows\n")
  invisible(x)
}

as_growth <- function(rows) {
  structure(list(rows = rows, made = Sys.time()), class = "growth")
}

fit <- function(growth, degree = 2L) {
  formula <- switch(
    as.character(degree),
    "1" = cm ~ day,
    "2" = cm ~ day + I(day^2),
    stop("degree must be 1 or 2")
  )
  lm(formula, data = growth$rows)
}

predict_height = function(model, days = seq_len(DAYS)) {
  predicted <- predict(model, newdata = data.frame(day = days))
  data.frame(day = days, cm = as.numeric(predicted))
}

counter <- function() {
  total <- 0
  function(n = 1) {
    total <<- total + n
    total
  }
}

plot_growth <- function(growth, file = NULL) {
  if (!is.null(file)) {
    png(file)
    on.exit(dev.off())
  }
  rows <- growth$rows
  plot(rows$day, rows$cm, type = "n", xlab = "day", ylab = "cm")
  for (light in lights) {
    part <- rows[rows$light == light, ]
    points(part$day, part$cm, col = colours[[light]])
  }
}

main <- function(arguments = commandArgs(trailingOnly = TRUE)) {
  next_number <- counter()
  for (path in arguments) {
    growth <- as_growth(clean(read_growth(path)))
    model <- tryCatch(fit(growth), error = function(problem) {
      message("no model: ", conditionMessage(problem))
      NULL
    })
    if (!is.null(model)) print(predict_height(model, 1:3))
    cat(next_number(), path, "\n")
  }
}

if (!interactive()) main()
