"""Past one machine (批量计算): files of cases located and counted by a cluster, each file by itself."""
