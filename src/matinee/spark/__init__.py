"""The same row problem on a Spark cluster: Spark moves, keeps and recovers the data, our kernels solve."""
