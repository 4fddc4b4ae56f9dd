"""Make a small student without any training, save it, open it, and check its answers: the test of a wheel.

Needs the base install only.
"""

import sys
import tempfile

import numpy as np

from sparsedistill import Student, TokenizerConfig, Vocabulary
from sparsedistill.model.weights import StudentWeights

vocabulary = Vocabulary.from_ngrams(["good", "bad"], TokenizerConfig(1))
one, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
made = Student(vocabulary, StudentWeights(3 * one, one, zero, 4 * one, zero), ("good", "bad"), "single_label")
with tempfile.TemporaryDirectory() as folder:
    made.save_pretrained(folder)
    answers = Student.from_pretrained(folder).predict(["a good film", "a bad film", "Ein schlechter? Bad!"])
if list(answers) != ["good", "bad", "bad"]:
    sys.exit(f"wrong answers: {list(answers)}")
print("The answers are right.")
