"""Source and validation sets that people upload: received, unpacked, paired, checked, made a dataset.

datasets/<folder>/names.jsonl      which file has which name, as they arrived
datasets/<folder>/files/000001.png a file under a number: names of strangers are never names on disk
datasets/<folder>/archive          an archive that arrives in pieces, until it is unpacked
datasets/<folder>/images/          pictures as they were verified
datasets/<folder>/pairs.jsonl      pairs as they were last looked for
datasets/<folder>/listing.jsonl    those of the dataset, for its card
datasets/cards/<name>.yaml         the card, from when the dataset is ready
"""
