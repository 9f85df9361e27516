"""The process that runs batches: it checks their lines, submits them as jobs and writes down what came of them."""
