"""What tests of all parts need: servers, jobs, models, recordings and pages."""
