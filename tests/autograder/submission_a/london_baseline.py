# What share of the dev questions has the answer London?
right = 0
rows = open("birth_dev.tsv", encoding="utf-8").readlines()
for row in rows:
    right += row.strip().split("\t")[1] == "London"
print("accuracy of London:", right / len(rows))
