import statistics


def execute_command(image):
    widths = [p.width for p in image.find("plank")] + [image.width]
    return [statistics.mean(widths), statistics.median(widths), statistics.fmean(widths)]


# ---
from statistics import mode, multimode


def execute_command(image):
    answers = [p.simple_query("What color?") for p in image.find("ball")] + ["blue", "blue", "blue"]
    return mode(answers), multimode(answers), mode([1, 1, 2, 2, 2])


# ---
import statistics as st


def execute_command(image):
    data = [2.5, 3.25, 5.5, 11.25, 11.75]
    return [st.stdev(data), st.pstdev(data), st.variance(data), st.pvariance(data)]


# ---
import statistics


def execute_command(image):
    data = list(range(1, 20, 3))
    return [
        statistics.median_low(data),
        statistics.median_high([1, 3, 5, 7]),
        statistics.median_grouped([1, 2, 2, 3, 4]),
        statistics.quantiles(data, n=4),
        statistics.quantiles(data, n=5, method="inclusive"),
    ]


# ---
import statistics


def execute_command(image):
    return [statistics.geometric_mean([54, 24, 36]), statistics.harmonic_mean([40, 60]), statistics.mean([1, 2, 4])]


# ---
import statistics


def execute_command(image):
    xs, ys = [1, 2, 3, 4, 5], [2.1, 3.9, 6.2, 7.8, 10.1]
    slope, intercept = statistics.linear_regression(xs, ys)
    return [slope, intercept, statistics.correlation(xs, ys), statistics.covariance(xs, ys)]


# ---
from statistics import NormalDist


def execute_command(image):
    heights = NormalDist(mu=170, sigma=10)
    both = heights + NormalDist(5, 2)
    return [heights.cdf(180), heights.inv_cdf(0.9), heights.pdf(170), both.mean, both.stdev, heights.zscore(150)]


# ---
from statistics import StatisticsError, mean


def execute_command(image):
    try:
        return mean(p.left for p in image.find("unicorn"))
    except StatisticsError as error:
        return str(error)


# ---
import statistics


def execute_command(image):
    # Which strip is an outlier?
    lefts = [p.left for p in image.find("slat")] + [1000.0]
    center, spread = statistics.median(lefts), statistics.pstdev(lefts)
    return [i for i, left in enumerate(lefts) if abs(left - center) > 1.5 * spread]
