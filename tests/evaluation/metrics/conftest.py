import numpy as np
import pytest


@pytest.fixture(scope='package')
def peers():
  """What torch-fidelity 0.4.0 and prdc 0.2 were given for the golden values: by width."""
  random, made = np.random.default_rng(0), {}
  for d, n, m in ((64, 2000, 1800), (2048, 1500, 1400)):
    turn = random.normal(size=(d, d)) / np.sqrt(d)
    scale = (1 + np.arange(d)) ** -0.5 * 3
    real = np.maximum(random.normal(size=(n, d)) * scale @ turn + 0.3, 0).astype(np.float32)
    fake = np.maximum(random.normal(size=(m, d)) * scale * 0.95 @ turn + 0.33, 0).astype(np.float32)
    logits = (random.normal(size=(2000, 10)) * 3).astype(np.float32)
    made[d] = real, fake, logits
  return made
