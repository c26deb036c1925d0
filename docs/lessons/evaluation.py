# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Evaluation: what each score cannot see
#
# (colab)
#
# Every score of a GAN is a number about two sets of images, and every such number is blind to something.
# Here no GAN is trained: we make the *generators* by hand, so that we know what is wrong with each, and see
# which score notices.
#
# ## The idea and its mathematics
#
# Images become features, a vector each. Then
#
# - the **Fréchet distance** compares the means and covariances of real and made features,
#   $\|\mu_r - \mu_f\|^2 + \operatorname{Tr}(\Sigma_r + \Sigma_f - 2 (\Sigma_r \Sigma_f)^{1/2})$; with the features
#   of one particular Inception network it is the FID;
# - the **kernel distance** compares all pairs with a cubic kernel, and has no bias;
# - the **classifier score** is $\exp \mathbb{E}_x \operatorname{KL}(p(y | x) \,\|\, p(y))$: it wants sure and
#   varied predictions, and never looks at real images;
# - **precision and recall** ask which samples lie within the neighborhood of the other set;
# - **memorization** asks whether samples are nearer to training images than to held-out ones.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from jaxgan import metrics
from jaxgan.data import digits

plt.rcParams['figure.dpi'] = 72

# %% [markdown]
# The data are the digits that come with the package, with pixels as features: poor features, but the same
# blindnesses appear with any. The classifier is one linear layer. Three parts of equal size: images to train
# on, images that nobody trained on, and images that stand for an *ideal* generator's.

# %%
images, labels = digits.arrays()
pixels = images.reshape(len(images), -1) / 255.0
order = np.random.default_rng(0).permutation(len(pixels))
train, held_out, ideal = (order[i : i + 590] for i in (0, 590, 1180))

optimizer = optax.adam(0.05)
weights = jnp.zeros((65, 10))
ones = lambda x: jnp.concatenate([jnp.asarray(x), jnp.ones((len(x), 1))], 1)


def error(weights):
  found = ones(pixels[train]) @ weights
  return optax.softmax_cross_entropy_with_integer_labels(found, labels[train]).mean()


def step(carry, _):
  weights, memory = carry
  change, memory = optimizer.update(jax.grad(error)(weights), memory)
  return (weights + change, memory), None


(weights, _), _ = jax.lax.scan(step, (weights, optimizer.init(weights)), None, 300)
logits = lambda x: np.asarray(ones(x) @ weights)
right = (logits(pixels[held_out]).argmax(1) == labels[held_out]).mean()
print(f'the classifier is right on {right:.1%} of the held-out images')

# %% [markdown]
# ## The generators

# %%
random = np.random.default_rng(1)
one_each = np.array([pixels[train][labels[train] == digit][0] for digit in range(10)])
blurred = lambda x: np.clip(
  sum(np.roll(x.reshape(-1, 8, 8), shift, axis) for axis in (1, 2) for shift in (-1, 0, 1)) / 6,
  0,
  1,
).reshape(-1, 64)
made = {
  'ideal': pixels[ideal],
  'copies of training images': pixels[train],
  'one image a class': one_each[random.integers(0, 10, 590)],
  'without the digit 8': pixels[ideal][labels[ideal] != 8],
  'blurred': blurred(pixels[ideal]),
  'noisy': np.clip(pixels[ideal] + random.normal(0, 0.15, (len(ideal), 64)), 0, 1),
  'same mean and covariance': random.multivariate_normal(
    pixels[train].mean(0), np.cov(pixels[train].T), 590
  ),
}

rows = [points[:12].reshape(12, 8, 8).transpose(1, 0, 2).reshape(8, 96) for points in made.values()]
plt.figure(figsize=(8, 4.5))
plt.imshow(np.concatenate(rows), cmap='gray', vmin=0, vmax=1)
plt.yticks(8 * np.arange(len(made)) + 4, made)
plt.xticks([])
plt.show()

# %% [markdown]
# ## Measure
#
# Real, for all scores, are the training images, as in most papers. Memorization also gets the held-out ones.

# %%
reference = metrics.frechet.reference(metrics.moments.of(pixels[train]))


def scores(points):
  """All scores of one set of images."""
  near = metrics.neighbors.prdc(pixels[train], points)
  copied = metrics.memorization.memorization(points, pixels[train], pixels[held_out])
  return dict(
    frechet=metrics.frechet.distance_of(points, reference),
    kernel=1000 * metrics.kernel.distance(pixels[train], points),
    classifier=metrics.classifier_score.classifier_score(logits(points), splits=1)[0],
    precision=near.precision,
    recall=near.recall,
    coverage=near.coverage,
    nearer=copied.nearer_to_train,
  )


table = {name: scores(points) for name, points in made.items()}
print(f'{"":26}', *(f'{name:>10}' for name in table['ideal']))
for name, found in table.items():
  print(f'{name:26}', *(f'{value:10.3f}' for value in found.values()))

# %% [markdown]
# Read the table by its columns.
#
# - **Copies** get the best Fréchet distance, precision, recall and coverage that there are, better than
#   the ideal generator. Only *nearer to train* (one half is right, 1 is copying) sees them.
# - **One image a class** has a classifier score close to the ideal one, from ten images in all. Precision is
#   1 as well. Recall, coverage and the two distances see it at once.
# - **Without the 8**, precision is that of the ideal generator: all that is made is good. Recall and coverage
#   fall, but less than by the tenth that is missing.
# - **Blurred** images still have the precision of the ideal ones: a blurred digit lies in the middle of many. What
#   is lost is recall.
# - **Noisy** images are the reverse: recall stays, precision falls.
# - **The same mean and covariance** are Gaussian clouds, no digits at all. The Fréchet distance by these
#   features cannot tell them from the ideal: it sees two moments and nothing else.
#
# So a score never stands alone. `jaxgan evaluate` prints them together, each beside what held-out real
# images and an ideal sampler score.
#
# ## Break it: N
#
# The Fréchet distance of a *perfect* generator is above 0, and falls as N grows, because a covariance is
# estimated from few images. So two numbers with different N cannot be compared.

# %%
everyone = metrics.frechet.reference(metrics.moments.of(pixels))
sizes = [100, 200, 400, 800, 1600]
draw = lambda n: pixels[random.choice(len(pixels), n)]
distances = [metrics.frechet.distance_of(draw(n), everyone) for n in sizes]
limit, _ = metrics.frechet.without_bias(draw(1600), everyone)

plt.figure(figsize=(5, 3))
plt.loglog(sizes, distances, 'o-')
plt.xlabel('N')
plt.ylabel('Fréchet distance of perfect samples')
plt.show()
print(*(f'N = {n}: {d:.4f}' for n, d in zip(sizes, distances, strict=True)), sep='   ')
print(f'extrapolated to infinitely many: {limit:.4f}')
same = [metrics.kernel.distance(pixels, draw(n)) for n in sizes]
print('kernel distance, without bias:', *(f'{1000 * value:.3f}' for value in same))

# %% [markdown]
# ## Break it: order
#
# The classifier score is often given as the mean over ten parts. If the images are sorted by class, each part
# holds one class, and the very same images score far lower. The library shuffles first; here is what happens
# without.

# %%
by_class = logits(pixels[ideal][np.argsort(labels[ideal])])
for seed in (2020, None):
  mean, _ = metrics.classifier_score.classifier_score(by_class, splits=10, seed=seed)
  print(f'{"shuffled" if seed else "sorted by class"}: {mean:.2f}')

# %% [markdown]
# ## Exercise
#
# Make a generator that has precision 1 and recall near 0, and one that has the reverse.
#
# <details><summary>A solution</summary>
#
# Repeat one training image: every sample lies in the neighborhood of a real one, and its own neighborhoods
# have radius 0, so it recalls almost nothing. For the reverse, scatter samples so wide that their
# neighborhoods hold all real images, but lie in none of theirs.
#
# </details>

# %%
repeated = np.repeat(pixels[train][:1], 590, 0)
scattered = random.normal(0.5, 2.0, (590, 64))
for name, points in (('repeated', repeated), ('scattered', scattered)):
  found = metrics.neighbors.prdc(pixels[train], points)
  print(f'{name}: precision {found.precision:.3f}, recall {found.recall:.3f}')

# %% [markdown]
# ## What to read
#
# - Heusel et al., *GANs Trained by a Two Time-Scale Update Rule*, 2017: the FID.
# - Bińkowski et al., *Demystifying MMD GANs*, 2018: the KID, and the bias of the FID.
# - Kynkäänniemi et al., *Improved Precision and Recall Metric*, 2019.
# - Barratt and Sharma, *A Note on the Inception Score*, 2018.
# - [Evaluation](../evaluation.md): how `jaxgan evaluate` measures.
