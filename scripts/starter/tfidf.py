"""What counting characters gives on cMedQQ's test pairs, without any model: python tfidf.py DIR. Needs scikit-learn and SciPy.

DIR is ChineseBLUE's folder. The weights (tf-idf of characters, one and two) are fitted on the texts of the training file.
Intervals of 95 %: percentile bootstrap over pairs, 2,000 draws.
"""
import sys
import numpy as np
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score


def rows(split):
    with open(f'{sys.argv[1]}/cMedQQ/{split}.txt', encoding='utf-8') as file:
        return [line.rstrip('\r\n').split('\t') for line in file if line.strip()]


vectorizer = TfidfVectorizer(analyzer='char', ngram_range=(1, 2))
vectorizer.fit(sorted({text for _, *texts in rows('train') for text in texts}))
labels, first, second = (np.array(column) for column in zip(*rows('test')))
labels = labels.astype(int)
cosines = np.asarray(vectorizer.transform(first).multiply(vectorizer.transform(second)).sum(axis=1)).ravel()
random = np.random.default_rng(2021)
draws = [random.integers(len(labels), size=len(labels)) for _ in range(2000)]
for name, measure in (('AUC', roc_auc_score), ('Spearman', lambda y, x: spearmanr(x, y).statistic)):
    low, high = np.quantile([measure(labels[draw], cosines[draw]) for draw in draws], (0.025, 0.975))
    print(f'{name} {measure(labels, cosines):.3f} ({low:.3f} to {high:.3f})')
