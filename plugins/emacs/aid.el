;;; aid.el --- Changes by a local daemon, checked by the build  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: tools, convenience

;;; Commentary:

;; AID's daemon answers questions and proposes changes to a project, each with what the project's own build says of it.
;; `aid-chat' is a Markdown buffer to talk in.  Without it there are `aid-ask', `aid-edit-region' and
;; `aid-fix-error-at-point'.  `aid-menu' has every command; in `aid-mode' they have keys, below C-c and a comma.  With
;; `aid-global-mode' the files of every project are in AID's care: the build's errors show by flymake, its state in the
;; mode line, and the daemon knows text that isn't saved.

;;; Code:

(require 'transient)
(require 'aid-proposal)

;;; The chat

(defvar-local aid-chat-id nil "The daemon's name of this chat.")
(put 'aid-chat-id 'safe-local-variable #'stringp)
(put 'aid-root 'safe-local-variable (lambda (value) (and (stringp value) (not (file-remote-p value)))))

(defconst aid-chat--you "## You\n\n")

(defalias 'aid-chat--parent-mode (if (require 'markdown-mode nil t) 'markdown-mode 'text-mode))

;;;###autoload
(define-derived-mode aid-chat-mode aid-chat--parent-mode "Chat"
  "A chat with AID about a project: Markdown, and \\[aid-chat-send] sends."
  (setq-local markdown-fontify-code-blocks-natively t mode-line-process '(:eval (aid--mode-line)))
  (unless (derived-mode-p 'markdown-mode)
    (setq-local outline-regexp "#+ " outline-minor-mode-cycle t)
    (outline-minor-mode 1))
  (add-hook 'kill-buffer-hook (lambda () (aid-cancel (current-buffer))) nil t)
  (add-hook 'hack-local-variables-hook #'aid-chat--known nil t)
  (aid-proposal-draw))
(define-key aid-chat-mode-map (kbd "C-c C-c") #'aid-chat-send)
(define-key aid-chat-mode-map (kbd "C-c C-k") #'aid-cancel)
(define-key aid-chat-mode-map (kbd "C-c ,") aid-command-map)
(define-key aid-chat-mode-map [remap keyboard-quit] #'aid-quit)

(defun aid-chat--known ()
  "Take the project and the name of the chat from its first line."
  (setq aid-root (aid--find-root (or aid-root default-directory))
        aid-chat-id (or aid-chat-id (format "emacs-%s-%06x" (format-time-string "%Y%m%d") (random #xffffff)))))

(defun aid-chat--buffers (root)
  "Return the chats of the project at ROOT, the last used first."
  (seq-filter (lambda (buffer) (with-current-buffer buffer (and (derived-mode-p 'aid-chat-mode) (equal aid-root root))))
              (buffer-list)))

(defun aid-chat--get (root &optional id)
  "Return a chat of the project at ROOT: its last one, else a new one, named ID."
  (or (unless id (car (aid-chat--buffers root)))
      (with-current-buffer (generate-new-buffer (format "*aid %s*" (file-name-nondirectory (directory-file-name root))))
        (aid-chat-mode)
        (setq default-directory root aid-chat-id id)
        (aid-chat--known)
        (insert (format "<!-- -*- mode: aid-chat; aid-chat-id: %S; aid-root: %S -*- -->\n\n" aid-chat-id root)
                aid-chat--you)
        (setq buffer-undo-list nil)
        (set-buffer-modified-p nil)
        (current-buffer))))

;;;###autoload
(defun aid-chat (&optional stored)
  "Show this project's chat.
With a prefix argument STORED, choose one that was had before."
  (interactive "P")
  (let ((root (aid-root)))
    (if (not stored) (pop-to-buffer (aid-chat--get root))
      (aid-request root :aid/chats nil
                   (lambda (result)
                     (let* ((names (mapcar (pcase-lambda ((map :title :chat)) (cons (format "%s (%s)" title chat) chat))
                                           (plist-get result :chats)))
                            (id (cdr (assoc (completing-read "Chat: " names nil t) names))))
                       (when id (aid-chat--resume root id))))))))

(defun aid-chat--resume (root id)
  "Show the chat ID of the project at ROOT as the daemon has it."
  (aid-request root :aid/chat (list :chat id :markdown t)
               (lambda (chat)
                 (pop-to-buffer (aid-chat--get root id))
                 (aid-chat--append (plist-get chat :markdown))
                 (aid-proposal-draw))))

;;; Sending

(defvar-local aid-chat--answered nil "Where the last answer ends, if one came: the draft is below.")

(defun aid-chat--draft ()
  "Return where the next prompt begins: below the person's last heading.
Where that is gone, put it above what they wrote.  Show all of the chat."
  (widen)
  (save-excursion
    (goto-char (or aid-chat--answered (point-min)))
    (when (looking-at "\\`<!-- .* -->\n+") (goto-char (match-end 0)))
    (let ((start (point)) (gap (if (bolp) "" "\n\n")))
      (goto-char (point-max))
      (if (re-search-backward (concat "^" aid-chat--you) start t) (match-end 0)
        (aid--replace start start (concat gap aid-chat--you))))))

(defun aid-chat--append (text)
  "Put TEXT above the next prompt and return a marker at its end."
  (let ((start (- (aid-chat--draft) (length aid-chat--you))))
    (aid--replace start start "\n\n")
    (setq aid-chat--answered (aid--replace start start text))))

(defun aid-chat-send (&optional start end)
  "Send what stands below the last heading, or the region from START to END."
  (interactive (and (use-region-p) (list (region-beginning) (region-end))))
  (when (aid-asked-from (current-buffer)) (user-error "An answer is coming: C-g cancels it"))
  (let* ((from (or start (aid-chat--draft)))
         (prompt (string-trim (buffer-substring-no-properties from (or end (point-max))))))
    (when (string-empty-p prompt)
      (goto-char (point-max))
      (user-error "Write something below the last heading first"))
    (aid-chat--ask prompt (unless start from))))

(defun aid-chat--ask (prompt draft)
  "Ask PROMPT, which was written at DRAFT, if anywhere; the answer streams in."
  (let* ((buffer (current-buffer)) start end
         (put (lambda (text from)
                (when (buffer-live-p buffer)
                  (with-current-buffer buffer
                    (setq end (aid--replace from end (or text "")) aid-chat--answered end)
                    (aid-proposal-draw from))))))
    (aid-prompt aid-root (list :prompt prompt :chat aid-chat-id :markdown t)
                (lambda (update)
                  (pcase (plist-get update :kind)
                    ("text" (funcall put (plist-get update :text) end))
                    ("restart" (funcall put "" start))))
                (lambda (result) (funcall put (plist-get result :markdown) start))
                (lambda (why) (funcall put (format "%s_%s_" (if (= start end) "" "\n\n") why) end)))
    (when draft (aid--replace draft (point-max) ""))   ; only now: what can't be sent stays a draft
    (setq start (aid-chat--append (concat aid-chat--you prompt "\n\n## AID\n\n")) end start)))

;;; Appending

(defun aid-chat--attach (title &optional text language)
  "Append TEXT, with TITLE over it, to this project's chat; or the file TITLE.
LANGUAGE is that of the text, else this buffer's."
  (let ((language (or language (aid--language))) (fence (if (and text (string-match-p "^```" text)) "````" "```")))
    (with-selected-window (display-buffer (aid-chat--get (aid-root)))
      (aid-chat--draft)
      (goto-char (point-max))
      (insert (if (bolp) "" "\n") "attached: " title "\n"
              (if text (concat fence language "\n" (string-trim-right text "\n+") "\n" fence "\n") "")))
    (message "AID: attached %s" title)))

(defun aid-append-region (start end)
  "Append the region from START to END to this project's chat."
  (interactive "r")
  (let ((name (if buffer-file-name (file-relative-name buffer-file-name (aid-root)) (buffer-name)))
        (first (line-number-at-pos start t)) (last (line-number-at-pos (max start (1- end)) t)))
    (aid-chat--attach (format "%s:%d-%d" name first last) (buffer-substring-no-properties start end))))

(defun aid-append-defun ()
  "Append the function at point to this project's chat."
  (interactive)
  (pcase-let ((`(,start . ,end) (or (bounds-of-thing-at-point 'defun) (user-error "Point is in no function"))))
    (aid-append-region start end)))

(defun aid-append-file ()
  "Append this file to this project's chat, with its text as of the sending."
  (interactive)
  (aid-chat--attach (file-relative-name (aid--file) (aid-root))))

(defun aid-append-error ()
  "Append the build error at point to this project's chat."
  (interactive)
  (pcase-let ((`(,path ,line ,text) (aid--error-at-point)))
    (aid-chat--attach (format "error at %s:%d" (file-relative-name path (aid-root)) line)
                      (or text (user-error "There is no error at point")) "text")))

(defun aid-append-diff ()
  "Append what differs from the last commit to this project's chat."
  (interactive)
  (let* ((default-directory (aid-root)) (aid-root default-directory)
         (diff (with-temp-buffer
                 (vc-call-backend (vc-responsible-backend default-directory) 'diff (list default-directory)
                                  nil nil (current-buffer))
                 (buffer-string))))
    (when (string-empty-p diff) (user-error "Nothing differs from the last commit"))
    (aid-chat--attach "diff" diff "diff")))

;;; Commands

;;;###autoload (autoload 'aid-menu "aid" nil t)
(transient-define-prefix aid-menu ()
  "Ask AID, take what it proposes, and append things to the chat."
  [["Ask" ("c" "chat" aid-chat) ("q" "question" aid-ask) ("x" "fix error" aid-fix-error-at-point)
    ("w" "edit region" aid-edit-region) ("k" "cancel" aid-cancel)]
   ["Accept" ("a" "all" aid-accept-all) ("f" "file" aid-accept-file) ("h" "hunk" aid-accept-hunk)
    ("r" "reject" aid-reject) ("u" "undo" aid-undo)]
   ["See" ("n" "next hunk" aid-next-hunk :transient t) ("p" "previous hunk" aid-previous-hunk :transient t)
    ("d" "diff" aid-diff) ("e" "ediff" aid-compare)]
   ["Append to the chat" ("R" "region" aid-append-region) ("D" "function" aid-append-defun)
    ("E" "error" aid-append-error) ("V" "diff" aid-append-diff) ("F" "file" aid-append-file)]])

(defun aid--ask (params)
  "Ask by PARAMS, and show the answer in a window of its own."
  (let ((root (aid-root)))
    (aid-prompt root `(:markdown t ,@params) #'ignore
                (pcase-lambda ((map :prose :proposal :markdown))
                  (let ((aid-root root)) (when proposal (aid-diff (plist-get proposal :id))))
                  (display-message-or-buffer (if proposal (or prose (plist-get proposal :badge)) markdown)
                                             "*aid answer*")))))

;;;###autoload
(defun aid-ask (prompt)
  "Ask PROMPT about this project; send the file at hand with it."
  (interactive "sAsk AID: ")
  (aid--ask `(:prompt ,prompt ,@(and buffer-file-name `(:files [(:path ,(file-local-name buffer-file-name))])))))

;;;###autoload
(defun aid-edit-region (start end prompt)
  "Have the lines from START to END changed by PROMPT, and no others."
  (interactive "r\nsChange these lines how? ")
  (aid--ask `( :prompt ,prompt
               :edit ( :path ,(file-local-name (aid--file)) :first ,(line-number-at-pos start t)
                       :last ,(line-number-at-pos (max start (1- end)) t)))))

;;;###autoload
(defun aid-fix-error-at-point ()
  "Have the error at point mended: the build's, flymake's, or a compilation's.
Where there is none, all that the build says of this file."
  (interactive)
  (pcase-let ((`(,path ,line ,text) (aid--error-at-point)))
    (aid--ask `( :fix (:path ,(file-local-name path) ,@(and text (list :first line :last line)))
                 ,@(and text `(:attachments [(:title "the error" :text ,text)]))))))

(provide 'aid)
;;; aid.el ends here
