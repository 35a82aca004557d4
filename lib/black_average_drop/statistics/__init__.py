"""How sure a number is: intervals and tests over patients and over trainings, and the ROC curve."""
